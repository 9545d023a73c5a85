/** Takes each event of a stream. The bytes are valid only during the call. */
export interface SseHandler {
  /** The event's data, `from` to `to` (exclusive); `type` is "" unless an `event:` line named one. */
  event(bytes: Uint8Array, from: number, to: number, type: string): void;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
/** No engine sends a line like this; without a limit a server that never ends a line would fill the memory. */
const maxLineBytes = 16 * 1024 * 1024;

/**
 * Finds the events in a stream of server-sent events, whatever the reads cut in two: characters, `\r\n`, blank lines.
 * Works on bytes and copies only what a read left unfinished. As the HTML standard has it (9.2.6), except that an
 * event the stream ends in is not dropped: `finish` hands it out, since some servers omit the last blank line.
 */
export class SseScanner {
  readonly #handler: SseHandler;
  /** The start of a line whose end has not come. */
  #line = new Uint8Array(512);
  #lineLength = 0;
  /** Data of the event in the making: in `#source`, which until the end of a read may be the read itself. */
  #source: Uint8Array = new Uint8Array(0);
  #from = 0;
  #to = 0;
  #hasData = false;
  #owned = new Uint8Array(512);
  #type = "";
  /** The last byte was `\r`: a `\n` that comes next belongs to it. */
  #afterCr = false;
  #firstLine = true;
  #overflowed = false;
  #sawStrangeLine = false;

  constructor(handler: SseHandler) {
    this.#handler = handler;
  }

  /** True once a line was longer than 16 MiB; nothing is read after it. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** True once a line was neither a comment nor one of the fields that events have. */
  get sawStrangeLine(): boolean {
    return this.#sawStrangeLine;
  }

  /** Nothing is held over from what it took in: what comes next may be an event that another reads. */
  get betweenEvents(): boolean {
    return (
      this.#lineLength === 0 &&
      !this.#hasData &&
      !this.#afterCr &&
      !this.#firstLine &&
      !this.#overflowed &&
      this.#type === ""
    );
  }

  /** Makes it as new, for another stream. */
  reset(): void {
    this.#lineLength = 0;
    this.#hasData = false;
    this.#type = "";
    this.#afterCr = false;
    this.#firstLine = true;
    this.#overflowed = false;
    this.#sawStrangeLine = false;
  }

  /** One read: bytes `from` to `to` (exclusive). Calls the handler for each event that ends in it. */
  push(bytes: Uint8Array, from: number, to: number): void {
    if (this.#overflowed) return;
    let position = from;
    if (this.#afterCr && position < to) {
      this.#afterCr = false;
      if (bytes[position] === LF) position++;
    }
    let nextCr = indexOfByte(bytes, CR, position, to);
    while (position < to) {
      if (nextCr < position) nextCr = indexOfByte(bytes, CR, position, to);
      const nextLf = bytes[position] === LF ? position : indexOfByte(bytes, LF, position, to);
      const end = nextCr < nextLf ? nextCr : nextLf;
      if (end === to) break;
      if (this.#lineLength === 0) {
        this.#takeLine(bytes, position, end);
      } else {
        this.#carryLine(bytes, position, end);
        const length = this.#lineLength;
        this.#lineLength = 0;
        this.#takeLine(this.#line, 0, length);
      }
      position = end + 1;
      if (end === nextCr) {
        if (position === to) this.#afterCr = true;
        else if (bytes[position] === LF) position++;
      }
    }
    // The read's buffer, and the line buffer that is about to be written to, are gone after this call.
    if (this.#hasData && this.#source !== this.#owned) this.#ownData();
    if (position < to) this.#carryLine(bytes, position, to);
  }

  /** The stream has ended: hands out the event it ended in, if any. */
  finish(): void {
    if (this.#lineLength > 0) {
      const length = this.#lineLength;
      this.#lineLength = 0;
      this.#takeLine(this.#line, 0, length);
    }
    this.#dispatch();
  }

  #takeLine(bytes: Uint8Array, from: number, to: number): void {
    let start = from;
    if (this.#firstLine) {
      this.#firstLine = false;
      if (to - from >= 3 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf) {
        start += 3;
      }
    }
    if (start === to) {
      this.#dispatch();
    } else if (isField(bytes, start, to, "data")) {
      this.#addData(bytes, valueStart(bytes, start + 4, to), to);
    } else if (isField(bytes, start, to, "event")) {
      this.#type = asText(bytes, valueStart(bytes, start + 5, to), to);
    } else if (
      bytes[start] !== COLON &&
      !isField(bytes, start, to, "id") &&
      !isField(bytes, start, to, "retry")
    ) {
      this.#sawStrangeLine = true;
    }
    // Comments, `id:` and `retry:` mean nothing to a measurement; nor does anything else, but for what it betrays.
  }

  #dispatch(): void {
    if (this.#hasData) {
      this.#hasData = false;
      const type = this.#type;
      this.#type = "";
      this.#handler.event(this.#source, this.#from, this.#to, type);
    } else {
      this.#type = "";
    }
  }

  #addData(bytes: Uint8Array, from: number, to: number): void {
    if (!this.#hasData) {
      this.#hasData = true;
      this.#source = bytes;
      this.#from = from;
      this.#to = to;
      return;
    }
    if (this.#source !== this.#owned) this.#ownData();
    const length = this.#to;
    const wanted = length + 1 + (to - from);
    if (wanted > maxLineBytes) {
      this.#overflowed = true;
      return;
    }
    this.#owned = grown(this.#owned, length, wanted);
    this.#source = this.#owned;
    this.#owned[length] = LF;
    this.#owned.set(bytes.subarray(from, to), length + 1);
    this.#to = wanted;
  }

  #ownData(): void {
    const length = this.#to - this.#from;
    this.#owned = grown(this.#owned, 0, length);
    this.#owned.set(this.#source.subarray(this.#from, this.#to), 0);
    this.#source = this.#owned;
    this.#from = 0;
    this.#to = length;
  }

  #carryLine(bytes: Uint8Array, from: number, to: number): void {
    const wanted = this.#lineLength + (to - from);
    if (this.#overflowed || wanted > maxLineBytes) {
      this.#overflowed = true;
      this.#lineLength = 0;
      return;
    }
    this.#line = grown(this.#line, this.#lineLength, wanted);
    this.#line.set(bytes.subarray(from, to), this.#lineLength);
    this.#lineLength = wanted;
  }
}

/** Position of the next `byte` before `to`, or `to`. */
function indexOfByte(bytes: Uint8Array, byte: number, from: number, to: number): number {
  const found = bytes.indexOf(byte, from);
  return found < 0 || found > to ? to : found;
}

/** Is the line's field name `name`: all of the line, or all before its first colon? */
function isField(bytes: Uint8Array, from: number, to: number, name: string): boolean {
  const end = from + name.length;
  if (end > to || (end < to && bytes[end] !== COLON)) return false;
  for (let i = 0; i < name.length; i++) {
    if (bytes[from + i] !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** Where the value starts, `colon` being the place after the field name: one space after the colon is dropped. */
function valueStart(bytes: Uint8Array, colon: number, to: number): number {
  if (colon >= to) return to;
  return colon + 1 < to && bytes[colon + 1] === SPACE ? colon + 2 : colon + 1;
}

function asText(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("utf8");
}

/** `buffer` if `wanted` bytes fit, else a larger one with its first `kept` bytes. */
function grown(buffer: Uint8Array<ArrayBuffer>, kept: number, wanted: number): Uint8Array<ArrayBuffer> {
  if (wanted <= buffer.length) return buffer;
  const larger = new Uint8Array(Math.max(wanted, buffer.length * 2));
  larger.set(buffer.subarray(0, kept));
  return larger;
}
