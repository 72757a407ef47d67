import { checkRecords } from "./suite.ts";

checkRecords(1, 2);
