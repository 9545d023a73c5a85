/** How a server handles `stop` strings: each does it differently, and streams show it. */
export interface StopStyle {
  /** `cut`: the match is removed from the text. `keep`: it stays. */
  readonly match: "cut" | "keep";
  /** Found anywhere in the text, or only where a token ends on it (TGI). */
  readonly where: "anywhere" | "token-end";
  /**
   * Text kept back while it may become a match: nothing (`none`), always the longest stop string less one character
   * (`length`), or only an end of the text that begins a stop string (`prefix`).
   */
  readonly hold: "none" | "length" | "prefix";
  /** While text is held an event with "" is sent, or none. */
  readonly emptyWhileHeld: boolean;
  /** Held text that turns out to be no match comes out with the next, or token by token. */
  readonly release: "joined" | "each";
}

export interface Released {
  /** Texts that may go out now, one event each. Empty: no event for this token. */
  readonly texts: readonly string[];
  /** The stop string that was found. */
  readonly matched?: string;
}

/** Follows one answer's text and says what of it may be sent. */
export class StopFilter {
  #text = "";
  #sent = 0;
  /** Ends of tokens within `#text` that are not yet sent. */
  #ends: number[] = [];
  readonly #stops: readonly string[];
  readonly #style: StopStyle;
  readonly #longest: number;

  constructor(stops: readonly string[], style: StopStyle) {
    this.#stops = stops;
    this.#style = style;
    this.#longest = Math.max(...stops.map(({ length }) => length));
  }

  /** The next token's text; `last` when the answer ends with it anyway. */
  push(text: string, last: boolean): Released {
    const before = this.#text.length;
    this.#text += text;
    this.#ends.push(this.#text.length);
    const match = this.#find(before);
    if (match !== undefined) {
      const end = this.#style.match === "cut" ? Math.max(match.at, this.#sent) : this.#text.length;
      const rest = this.#text.slice(this.#sent, end);
      this.#sent = end;
      return { texts: [rest], matched: match.stop };
    }
    return { texts: this.#release(last ? this.#text.length : this.#text.length - this.#held()) };
  }

  #find(before: number): { at: number; stop: string } | undefined {
    for (const stop of this.#stops) {
      if (this.#style.where === "token-end") {
        if (this.#text.endsWith(stop)) return { at: this.#text.length - stop.length, stop };
        continue;
      }
      const at = this.#text.indexOf(stop, Math.max(0, before - stop.length + 1));
      if (at >= 0) return { at, stop };
    }
    return undefined;
  }

  #held(): number {
    if (this.#style.hold === "none") return 0;
    if (this.#style.hold === "length") return Math.min(this.#longest - 1, this.#text.length);
    for (let length = Math.min(this.#longest - 1, this.#text.length); length > 0; length--) {
      const end = this.#text.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }

  #release(upTo: number): string[] {
    const texts: string[] = [];
    if (this.#style.release === "each") {
      for (let end = this.#ends[0]; end !== undefined && end <= upTo; end = this.#ends[0]) {
        texts.push(this.#text.slice(this.#sent, end));
        this.#sent = end;
        this.#ends.shift();
      }
    } else if (upTo > this.#sent) {
      texts.push(this.#text.slice(this.#sent, upTo));
      this.#sent = upTo;
    }
    if (texts.length === 0 && this.#style.emptyWhileHeld) texts.push("");
    return texts;
  }
}
