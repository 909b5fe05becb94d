/** How a planted bug came to light, or that it did not. */
export interface Finding {
  found: boolean;
  /** The rule that broke, or the first test that failed. */
  by: string;
  /** Played until then; for a bug that is found by playing. */
  histories?: number;
  /** Titles of all tests that failed. */
  failed: string[];
}
