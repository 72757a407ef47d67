import { expect, test } from "vitest";
import { TimmcError, within } from "../../src/ir/error.ts";

test("within adds to the trail and keeps the stack of the origin", () => {
  const origin = new TimmcError("weights", "broken", { hint: "mend it", cause: new Error("disk") });
  const thrown = (): unknown => {
    try {
      return within("model", () =>
        within("layer1", () => {
          throw origin;
        }),
      );
    } catch (error) {
      return error;
    }
  };
  const error = thrown();
  expect(error).toBeInstanceOf(TimmcError);
  expect(error).toMatchObject({
    trail: ["model", "layer1"],
    hint: "mend it",
    stack: origin.stack,
    cause: origin.cause,
  });
});
