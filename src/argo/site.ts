/** Where in the source something was defined; worked out only when it is asked for. */
export interface Site {
  /** `file:line`, or undefined where the runtime does not say. */
  line(): string | undefined;
}

/** The caller of the function of this room that a definition calls. */
export function callerSite(): Site {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 12;
  const { stack } = captureStack();
  Error.stackTraceLimit = limit;
  return {
    line() {
      const [first = "", ...frames] = (stack() ?? "").split("\n").slice(1);
      // In a bundle the frames do not say where this room ends.
      if (!ownFile.test(first)) return undefined;
      const outside = frames.find((frame) => !ownFile.test(frame));
      return outside?.match(/\(?((?:file:\/\/)?[^()\s]+:\d+):\d+\)?$/)?.[1]?.replace("file://", "");
    },
  };
}

/** V8 notes the frames at once and writes them as text when `stack` is first read. */
function captureStack(): { stack: () => string | undefined } {
  const error = new Error("site");
  return { stack: () => error.stack };
}

const ownFile = /\/src\/argo\/[a-z-]+\.ts/;
