import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { z } from "zod";

/** What `npm run images -- --push` writes: images by name, each as the registry has it, with its digest. */
export const IMAGE_LOCK_FILE = "images.lock.json";

export const ImageLock = z.record(
  z.string(),
  z.string().regex(/^[^\s@]+@sha256:[0-9a-f]{64}$/, "expected REGISTRY/NAME@sha256:DIGEST"),
);
export type ImageLock = z.infer<typeof ImageLock>;

/** The image of the steps by the lock file of a folder, or why there is none there, in words that follow "missing". */
export async function lockedStepsImage(
  folder: string,
): Promise<{ readonly image: string } | { readonly why: string }> {
  const path = join(folder, IMAGE_LOCK_FILE);
  const file = relative(process.cwd(), path);
  try {
    const { llmbench } = ImageLock.parse(JSON.parse(await readFile(path, "utf8")));
    return llmbench === undefined ? { why: `${file} has no llmbench` } : { image: llmbench };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { why: `there is no ${file}` };
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    return { why: `${file} cannot be read: ${reason.replaceAll(/\s+/g, " ")}` };
  }
}
