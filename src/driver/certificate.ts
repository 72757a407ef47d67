import type { z } from "zod";
import type { certificateSchema } from "./certificate-schema.ts";
import type { Frozen } from "./manifest.ts";

/** The version of the certificate's layout; another one counts as no certificate. */
export const certificateVersion = 2;

/** What `verify` measured. The schema says what each field means. */
export type Certificate = Frozen<z.infer<typeof certificateSchema>>;
export type OutputVerdict = Certificate["outputs"][number];
export type Failure = NonNullable<Certificate["failure"]>;
