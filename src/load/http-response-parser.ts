/** What a parser tells of one answer, in this order; `body` any number of times. */
export interface ResponseEvents {
  /** The final head: what a 1xx said before is left out. Names in lower case, equal ones joined by a comma. */
  head(status: number, headers: Readonly<Record<string, string>>): void;
  /** Bytes of the body, without HTTP's own chunk marks. Valid only during the call. */
  body(bytes: Uint8Array, from: number, to: number): void;
  /** The answer is whole. `reusable`: the connection may carry another request. */
  end(reusable: boolean): void;
}

const State = {
  Head: 0,
  Length: 1,
  UntilClose: 2,
  ChunkSize: 3,
  ChunkExtensions: 4,
  ChunkSizeLf: 5,
  ChunkData: 6,
  ChunkDataCr: 7,
  ChunkDataLf: 8,
  Trailer: 9,
  Done: 10,
  Failed: 11,
} as const;
type State = (typeof State)[keyof typeof State];

const cr = 0x0d;
const lf = 0x0a;
const semicolon = 0x3b;
/** As Node's own limit. */
const longestHead = 16 * 1024;
const longestChunkDigits = 12;
const nameBytes = Buffer.from(
  "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
);
const otherExtensionBytes = Buffer.from(';="');
const noStatusLine = "it does not begin with a status line of HTTP/1";
const headEnd = Buffer.from("\r\n\r\n");

/**
 * Reads one HTTP/1.1 answer after another off a connection (RFC 9112): content-length, chunked, or until the connection
 * closes. Strict where leniency would let an answer be taken for another: what is not HTTP fails and stays failed.
 */
export class HttpResponseParser {
  readonly #events: ResponseEvents;
  #state: State = State.Head;
  /** Of the head, when it comes in several reads. */
  #head: Buffer | undefined;
  #headLength = 0;
  #sawInterim = false;
  #keepAlive = false;
  /** Bytes still to come: of the body, or of the chunk. */
  #left = 0;
  #digits = 0;
  /** A name of an extension must come next. */
  #nameDue = false;
  #trailer = "";
  #problem = "";

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  /** Why the answer is not HTTP; empty until then. */
  get problem(): string {
    return this.#problem;
  }

  /** Whether a byte of the present answer has come, be it of an interim one. */
  get begun(): boolean {
    return this.#state !== State.Head || this.#headLength > 0 || this.#sawInterim;
  }

  /** Whether the present answer has begun and is not whole. */
  get midAnswer(): boolean {
    return this.begun && this.#state !== State.Done;
  }

  /** Makes ready for the next answer. */
  reset(): void {
    this.#state = State.Head;
    this.#headLength = 0;
    this.#sawInterim = false;
    this.#problem = "";
  }

  /** Takes in what a read brought. Bytes after the end of the answer make the connection not reusable. */
  push(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      switch (this.#state) {
        case State.Head:
          at = this.#takeHead(bytes, at, to);
          break;
        case State.ChunkSize:
          at = this.#takeWholeChunks(bytes, at, to);
          if (at < to) at = this.#takeChunkSize(bytes, at, to);
          break;
        case State.ChunkExtensions:
          at = this.#skipExtensions(bytes, at, to);
          break;
        case State.ChunkSizeLf:
          if (bytes[at++] !== lf) return this.#fail("a chunk's size is not followed by a line end");
          if (this.#left > 0) this.#state = State.ChunkData;
          else this.#beginTrailer();
          break;
        case State.ChunkData: {
          const end = Math.min(to, at + this.#left);
          this.#left -= end - at;
          if (this.#left === 0) this.#state = State.ChunkDataCr;
          this.#events.body(bytes, at, end);
          at = end;
          break;
        }
        case State.ChunkDataCr:
          if (bytes[at++] !== cr) return this.#fail("a chunk is longer than it said");
          this.#state = State.ChunkDataLf;
          break;
        case State.ChunkDataLf:
          if (bytes[at++] !== lf) return this.#fail("a chunk is longer than it said");
          this.#state = State.ChunkSize;
          this.#left = 0;
          this.#digits = 0;
          break;
        case State.Trailer:
          at = this.#takeTrailer(bytes, at, to);
          break;
        case State.Length: {
          const end = Math.min(to, at + this.#left);
          this.#left -= end - at;
          this.#events.body(bytes, at, end);
          at = end;
          if (this.#left === 0) this.#finish(at === to);
          break;
        }
        case State.UntilClose:
          this.#events.body(bytes, at, to);
          return;
        case State.Done:
        case State.Failed:
          return;
      }
    }
  }

  /** The connection has closed. True where that is the answer's end, or it had ended before. */
  close(): boolean {
    if (this.#state === State.UntilClose) this.#finish(false);
    return this.#state === State.Done;
  }

  #takeHead(bytes: Buffer, from: number, to: number): number {
    if (this.#headLength === 0) {
      // Empty lines before an answer are an old habit, and harmless.
      if (bytes[from] === cr || bytes[from] === lf) return from + 1;
      const end = bytes.indexOf(headEnd, from);
      if (end >= 0 && end + 4 <= to && end - from < longestHead - 4) {
        this.#readHead(bytes.toString("latin1", from, end), end + 4 === to);
        return end + 4;
      }
    }
    // The rest of the head comes in another read: a byte at a time is fast enough for the few that do.
    this.#head ??= Buffer.allocUnsafe(longestHead);
    for (let at = from; at < to; at++) {
      if (this.#headLength === longestHead) {
        this.#fail("its head is longer than 16 KiB");
        return to;
      }
      this.#head[this.#headLength++] = bytes[at] as number;
      const length = this.#headLength;
      if (this.#isImplausible(length)) {
        this.#fail(noStatusLine);
        return to;
      }
      if (bytes[at] === lf && length >= 4 && this.#head.indexOf(headEnd, length - 4) === length - 4) {
        const text = this.#head.toString("latin1", 0, length - 4);
        this.#headLength = 0;
        this.#readHead(text, at + 1 === to);
        return at + 1;
      }
    }
    return to;
  }

  /** So that another protocol is told by its first bytes, not by an end that never comes. */
  #isImplausible(length: number): boolean {
    const start = "HTTP/1.";
    return length <= start.length && (this.#head as Buffer)[length - 1] !== start.charCodeAt(length - 1);
  }

  #readHead(text: string, last: boolean): void {
    const lines = text.split("\r\n");
    const status = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n]*)?$/.exec(lines[0] as string);
    if (status === null) return this.#fail(noStatusLine);
    const headers = this.#readFields(lines.slice(1));
    if (headers === undefined) return;
    const code = Number(status[2]);
    if (code === 101) return this.#fail("it switches to another protocol");
    // A head of its own follows an interim one.
    if (code < 200) {
      this.#sawInterim = true;
      if (status[1] === "0") this.#fail("it has an interim answer, which HTTP/1.0 does not know");
      return;
    }
    this.#frame(code, status[1] === "1", headers, last);
  }

  #readFields(lines: readonly string[]): Record<string, string> | undefined {
    const fields: Record<string, string> = {};
    for (const line of lines) {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line);
      if (field === null) {
        this.#fail("a line of its head is no header");
        return undefined;
      }
      const name = (field[1] as string).toLowerCase();
      const value = field[2] as string;
      if (name === "content-length" && fields[name] !== undefined) {
        this.#fail("it has two content-lengths");
        return undefined;
      }
      fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`;
    }
    return fields;
  }

  #frame(code: number, isHttp11: boolean, headers: Readonly<Record<string, string>>, last: boolean): void {
    const connection = (headers["connection"] ?? "").toLowerCase();
    const says = (word: string) => connection.split(",").some((part) => part.trim() === word);
    this.#keepAlive = !says("close") && (isHttp11 || says("keep-alive"));
    const encoding = headers["transfer-encoding"];
    const length = headers["content-length"];
    if (encoding !== undefined && length !== undefined)
      return this.#fail("it has both a content-length and a transfer-encoding");
    if (length !== undefined && !/^\d{1,15}$/.test(length))
      return this.#fail("its content-length is no number");
    let end = false;
    if (code === 204 || code === 304) {
      end = true;
    } else if (encoding !== undefined && /(?:^|,)[ \t]*chunked$/i.test(encoding)) {
      this.#state = State.ChunkSize;
      this.#left = 0;
      this.#digits = 0;
    } else if (encoding === undefined && length !== undefined) {
      this.#left = Number(length);
      this.#state = State.Length;
      end = this.#left === 0;
    } else {
      this.#state = State.UntilClose;
    }
    this.#events.head(code, headers);
    if (end) this.#finish(last);
  }

  /** Takes chunks that the read holds whole, as most are; says where the first begins that is not, or is anything else. */
  #takeWholeChunks(bytes: Buffer, from: number, to: number): number {
    if (this.#digits > 0) return from;
    for (let at = from; ; ) {
      let size = 0;
      let data = at;
      for (let value = 0; data < to; data++) {
        value = hexValue(bytes[data] as number);
        if (value < 0) break;
        size = size * 16 + value;
      }
      const end = data + 2 + size;
      if (size === 0 || data - at > longestChunkDigits || end + 2 > to) return at;
      if (bytes[data] !== cr || bytes[data + 1] !== lf || bytes[end] !== cr || bytes[end + 1] !== lf)
        return at;
      this.#events.body(bytes, data + 2, end);
      at = end + 2;
    }
  }

  #takeChunkSize(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to) {
      const byte = bytes[at++] as number;
      const value = hexValue(byte);
      if (value >= 0) {
        this.#left = this.#left * 16 + value;
        if (++this.#digits > longestChunkDigits) {
          this.#fail("a chunk's size is too large");
          return to;
        }
        continue;
      }
      if (this.#digits === 0 || (byte !== cr && byte !== semicolon)) {
        this.#fail("a chunk has no size");
        return to;
      }
      this.#state = byte === cr ? State.ChunkSizeLf : State.ChunkExtensions;
      this.#nameDue = true;
      return at;
    }
    return at;
  }

  /** A chunk's extensions mean nothing to us, but must be some: a name follows each semicolon. */
  #skipExtensions(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      const isName = nameBytes.includes(byte);
      if (byte === cr && !this.#nameDue) {
        this.#state = State.ChunkSizeLf;
        return at + 1;
      }
      if (!isName && (this.#nameDue || !otherExtensionBytes.includes(byte))) {
        this.#fail("a chunk's size is not followed by a line end");
        return to;
      }
      this.#nameDue = byte === semicolon;
    }
    return to;
  }

  #beginTrailer(): void {
    this.#state = State.Trailer;
    this.#trailer = "";
  }

  /** Trailer fields say nothing that we want, but where they end the next answer begins. */
  #takeTrailer(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      if (this.#trailer.length > longestHead) {
        this.#fail("its trailer is longer than 16 KiB");
        return to;
      }
      this.#trailer += String.fromCharCode(bytes[at] as number);
      if (bytes[at] !== lf) continue;
      const last = this.#trailer === "\r\n" || this.#trailer.endsWith("\r\n\r\n");
      if (!last) continue;
      if (
        this.#trailer !== "\r\n" &&
        this.#readFields(this.#trailer.slice(0, -4).split("\r\n")) === undefined
      )
        return to;
      this.#finish(at + 1 === to);
      return at + 1;
    }
    return to;
  }

  #finish(last: boolean): void {
    const reusable = this.#keepAlive && last && this.#state !== State.UntilClose;
    this.#state = State.Done;
    this.#events.end(reusable);
  }

  #fail(why: string): void {
    this.#state = State.Failed;
    this.#problem = why;
  }
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
