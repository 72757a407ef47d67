import { checkRecords } from "./suite.ts";

checkRecords(0, 2);
