/**
 * A definition that cannot be built. Most such mistakes do not compile; this is for what only running the definition
 * shows (two tasks of one name made in a loop) and for callers without types. `code` is stable.
 */
export class DefinitionError extends Error {
  override readonly name = "DefinitionError";
  readonly code: DefinitionErrorCode;
  /** What to do about it. */
  readonly hint: string;

  constructor(code: DefinitionErrorCode, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

export type DefinitionErrorCode =
  | "ARGO_DUPLICATE_TASK"
  | "ARGO_DUPLICATE_TEMPLATE"
  | "ARGO_DUPLICATE_VOLUME"
  | "ARGO_FOREIGN_HANDLE"
  | "ARGO_VALUE_AS_STRING"
  | "ARGO_CONTRADICTION"
  | "ARGO_BAD_DURATION"
  | "ARGO_BODY_NOT_RUN"
  | "ARGO_UNKNOWN_NAME";
