import * as fc from "fast-check";

/** An HTTP answer as a server might write it, right or broken, and where its writes are cut. */
export interface RandomHttp {
  readonly bytes: Buffer;
  /** Positions between writes, rising. */
  readonly cuts: readonly number[];
  /** Whether the server closes the connection behind it. */
  readonly closes: boolean;
  /** It is no longer what a server would write. */
  readonly damaged: boolean;
}

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const value = fc.stringMatching(/^[ -~]{0,20}$/);
const text = fc.oneof(
  fc.string({ maxLength: 40, unit: "binary" }),
  fc.constantFrom("data: {}\n\n", "\r\n", "0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
);
/** Not those that change how the answer is framed: those are drawn apart. */
const header = fc
  .tuple(
    token.filter(
      (name) => !/^(?:content-length|transfer-encoding|connection|keep-alive|upgrade)$/.test(name),
    ),
    value,
  )
  .map(([name, said]) => `${name}: ${said}\r\n`);
const spelling = (name: string) => fc.constantFrom(name, name.toLowerCase(), name.toUpperCase());

const chunked = fc
  .record({
    chunks: fc.array(text.map((chunk) => Buffer.from(chunk)).filter((chunk) => chunk.length > 0)),
    upper: fc.boolean(),
    zeros: fc.constantFrom("", "0", "000"),
    extension: fc.constantFrom("", ";x", ";name=value"),
    trailer: fc.array(header, { maxLength: 2 }),
    name: spelling("Transfer-Encoding"),
  })
  .map(({ chunks, upper, zeros, extension, trailer, name }) => ({
    head: `${name}: chunked\r\n`,
    body: Buffer.concat([
      ...chunks.flatMap((chunk) => {
        const size = chunk.length.toString(16);
        return [
          Buffer.from(`${zeros}${upper ? size.toUpperCase() : size}${extension}\r\n`),
          chunk,
          Buffer.from("\r\n"),
        ];
      }),
      Buffer.from(`0\r\n${trailer.join("")}\r\n`),
    ]),
  }));
const sized = fc.tuple(text, spelling("Content-Length")).map(([said, name]) => {
  const body = Buffer.from(said);
  return { head: `${name}: ${body.length}\r\n`, body };
});
const untilClose = text.map((said) => ({ head: "", body: Buffer.from(said) }));

const answer = fc
  .record({
    interim: fc.constantFrom(
      "",
      "HTTP/1.1 102 Processing\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    ),
    status: fc.constantFrom("HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 503 ", "HTTP/1.0 200 OK"),
    headers: fc.array(header, { maxLength: 5 }),
    connection: fc.constantFrom("", "Connection: close\r\n", "connection: keep-alive\r\n"),
    framed: fc.oneof(chunked, sized, untilClose),
    extra: fc.constantFrom("", "", "", "x", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
  })
  .map(({ interim, status, headers, connection, framed, extra }) => ({
    bytes: Buffer.concat([
      Buffer.from(`${interim}${status}\r\n${headers.join("")}${framed.head}${connection}\r\n`, "latin1"),
      framed.body,
      Buffer.from(framed.head === "" ? "" : extra),
    ]),
    closes: framed.head === "",
  }));

/** One byte changed, taken out or put in, or the end cut off. */
const damage = fc.oneof(
  { weight: 4, arbitrary: fc.constant((bytes: Buffer) => bytes) },
  {
    weight: 1,
    arbitrary: fc.nat().map((at) => (bytes: Buffer) => bytes.subarray(0, at % (bytes.length + 1))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.nat(),
        fc.constantFrom(...Buffer.from("\r\n :;0aZ\0\x7f\xff", "latin1")),
        fc.constantFrom(0, 1),
      )
      .map(([at, byte, dropped]) => (bytes: Buffer) => {
        const place = at % (bytes.length + 1);
        return Buffer.concat([
          bytes.subarray(0, place),
          Buffer.from([byte]),
          bytes.subarray(place + dropped),
        ]);
      }),
  },
);

export const randomHttp: fc.Arbitrary<RandomHttp> = fc
  .tuple(answer, damage, fc.array(fc.nat(), { maxLength: 4 }), fc.boolean())
  .map(([whole, spoil, places, closes]) => {
    const bytes = spoil(whole.bytes);
    const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
    const damaged = bytes !== whole.bytes;
    return { bytes, cuts, closes: whole.closes || closes || damaged, damaged };
  });

export function piecesOf({ bytes, cuts }: RandomHttp): Buffer[] {
  return [0, ...cuts]
    .map((from, k) => bytes.subarray(from, cuts[k] ?? bytes.length))
    .filter((piece) => piece.length > 0);
}
