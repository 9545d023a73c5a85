import type { LlmbenchError } from "../error.ts";
import type { StoredError } from "../results/schema/status.ts";

/** An error as status.json holds it, without secrets. */
export function storedError(error: LlmbenchError, mask: (text: string) => string): StoredError {
  return {
    code: error.code,
    message: mask(error.message),
    ...(error.hint === undefined ? {} : { hint: mask(error.hint) }),
    ...(error.details.length === 0 ? {} : { details: error.details.map(mask) }),
  };
}
