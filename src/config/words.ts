/** Why a command line could not be split. */
export class WordsError extends Error {
  override readonly name = "WordsError";
}

/**
 * Splits a command line into words as a shell would, with single quotes, double quotes and backslashes, but
 * without a shell's other powers: no variables, pipes, redirections or patterns. Throws WordsError on those
 * and on a quote that never ends.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word = (word ?? "") + char;
    } else if (char === "\\" && (quote === undefined || '"\\'.includes(line.charAt(i + 1)))) {
      if (i + 1 === line.length) throw new WordsError("ends in a backslash");
      word = (word ?? "") + line.charAt(++i);
    } else if (quote === '"') {
      if (char === '"') quote = undefined;
      else word = (word ?? "") + char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if ("|&;<>$`*?()".includes(char)) {
      throw new WordsError(`has the shell character ${char} outside quotes, and no shell reads it`);
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== undefined) throw new WordsError(`has a ${quote} that never ends`);
  if (word !== undefined) words.push(word);
  return words;
}
