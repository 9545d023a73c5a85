/** How many bytes the UTF-8 sequence at `from` has, all before `to`: 1 to 4; 0 where there is none (Unicode 16, table 3-7). */
export function sequenceBytes(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || from + length > to) return 0;
  const second = bytes[from + 1] ?? 0;
  // Not longer than need be, no half of a surrogate pair, nothing above U+10FFFF.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let i = 2; i < length; i++) if (((bytes[from + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}
