import type { ProgressStream } from "../runner/progress-view.ts";

interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** `212 files, 34.1 MB`. */
export function formatAmount({ files, bytes }: Amount): string {
  return `${files} ${files === 1 ? "file" : "files"}, ${(bytes / 1e6).toFixed(1)} MB`;
}

/** One live line on a terminal; elsewhere only how much there is to bring. */
export function transferView(stream: ProgressStream) {
  let isOpen = false;
  let hasBegun = false;
  return {
    update(done: Amount, of: Amount): void {
      if (stream.isTTY === true) {
        const share = `${(done.bytes / 1e6).toFixed(1)} of ${(of.bytes / 1e6).toFixed(1)} MB`;
        stream.write(`\r\u001b[2K${done.files} of ${of.files} files, ${share}`);
        isOpen = true;
      } else if (!hasBegun) stream.write(`${formatAmount(of)} to bring\n`);
      hasBegun = true;
    },
    close(): void {
      if (isOpen) stream.write("\r\u001b[2K");
      isOpen = false;
    },
  };
}
