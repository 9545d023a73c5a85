import { resolve } from "node:path";
import { splitWords } from "./words.ts";

/** What paths of a config are relative to. */
export interface Folders {
  /** Folder of the config file, absolute. */
  readonly config: string;
  readonly home: string;
}

/** A path as written in a config, absolute: `~/…` is in the home folder, a relative one beside the config. */
export function resolvePath(path: string, folders: Folders): string {
  return resolve(folders.config, expandHome(path, folders));
}

/**
 * Words of a command, given as a list or as one line. `~/` is expanded at the start of each; a program that is a
 * path is relative to the config, a bare name is left to PATH. Throws WordsError.
 */
export function commandWords(command: string | readonly (string | number)[], folders: Folders): string[] {
  const [program, ...rest] = argumentWords(command, folders);
  if (program === undefined) return [];
  return [program.includes("/") ? resolvePath(program, folders) : program, ...rest];
}

/** As commandWords, where no word is a program. */
export function argumentWords(words: string | readonly (string | number)[], folders: Folders): string[] {
  const list = typeof words === "string" ? splitWords(words) : words.map(String);
  return list.map((word) => expandHome(word, folders));
}

function expandHome(path: string, folders: Folders): string {
  return path === "~" || path.startsWith("~/") ? folders.home + path.slice(1) : path;
}
