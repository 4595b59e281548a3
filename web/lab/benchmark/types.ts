/** What passes between the page and the bench's turns; see bench.d.ts. */
export type * from "heed-bench";
