import { mix } from "./random.ts";

/** Token texts, word-like, as a tokenizer of an English model would make them. All plain ASCII. */
const words = `
 the, of, and, to, in, is, that, for, it, as, was, with, be, by, on, not, he, this, are, or, his, from, at, which, but,
 have, an, had, they, you, were, their, one, all, we, can, her, has, there, been, if, more, when, will, would, who, so,
 no, state, quantum, system, energy, particle, wave, number, measure, time, light, model, result, value, field, order,
 small, large, simple, linear, general, special, example, because, between, through, different, possible, however,
 therefore, first, second, third, each, every, some, many, most, other, same, new, old, high, low, long, short, early`
  .split(",")
  .map((word) => ` ${word.trim()}`)
  .concat([".", ",", "\n", "ing", "ed", "ly", "tion", "s", '"', "-", ":", "\\", "\t"]);

/** Token texts whose characters take two, three and four bytes. */
const multiByteWords = [
  " é",
  "ü",
  " naïve",
  "ß",
  " Ω",
  "ñ",
  " 漢",
  "字",
  "。",
  " मा",
  "€",
  " 🚀",
  "🎉",
  " 👩‍💻",
  "\u00a0",
];
/** Characters that take several tokens. */
const splitCharacters = ["🎉", "🚀", "😀", "漢"];

export interface WordMix {
  /** Share of tokens from the multi-byte list. */
  readonly multiByte: number;
  /** Share of three-token groups that are one character. */
  readonly splitCharacters: number;
}

/**
 * Text of token `position` of the answer that `key` stands for. A pure function: any token can be had without those
 * before it. "" is a token that completes no character.
 */
export function tokenText(
  key: number,
  position: number,
  { multiByte, splitCharacters: split }: WordMix,
): string {
  if (split > 0) {
    const group = Math.floor(position / 3);
    const draw = mix(key ^ 0x5bd1e995, group);
    if (draw / 4294967296 < split) {
      return position % 3 === 2 ? (splitCharacters[draw % splitCharacters.length] ?? "") : "";
    }
  }
  const draw = mix(key, position);
  const list =
    multiByte > 0 && mix(key ^ 0x27d4eb2f, position) / 4294967296 < multiByte ? multiByteWords : words;
  return list[draw % list.length] ?? "";
}

/** A token id for a text, for `token_ids` and logprobs: stable, below 50,000. */
export function tokenId(text: string): number {
  let h = 7;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0;
  return (h >>> 0) % 50_000;
}

/** The pieces of a prompt that count as tokens: words in parts of up to eight letters, else single characters. */
export function promptPieces(text: string): string[] {
  return text.match(/ ?[\p{L}\p{M}]{1,8}|\p{N}|\s|[^\p{L}\p{M}\p{N}\s]/gu) ?? [];
}
