/** Where runs lie unless --out says otherwise. */
export const defaultRuns = "runs";
