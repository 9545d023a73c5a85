/** A file of a report, before it is written. */
export interface ReportFile {
  /** A file name, without a folder. */
  readonly name: string;
  readonly content: string | Uint8Array;
}
