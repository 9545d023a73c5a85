import { deepStrictEqual } from "node:assert";
import * as fc from "fast-check";
import { HttpResponseParser } from "../../src/load/http-response-parser.ts";
import { piecesOf, type RandomHttp, randomHttp } from "./random-http.ts";

/** What a parser told of an answer. */
interface Told {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  body: string;
  ends: number;
  whole: boolean;
  problem: string;
}

/** A parser that is used again and again, as a connection does. */
class Listener {
  #told: Told = { body: "", ends: 0, whole: false, problem: "" };
  readonly #parser = new HttpResponseParser({
    head: (status, headers) => Object.assign(this.#told, { status, headers }),
    body: (bytes, from, to) => {
      this.#told.body += Buffer.from(bytes.subarray(from, to)).toString("latin1");
    },
    end: () => this.#told.ends++,
  });

  /** Reads an answer and the connection's end behind it. */
  hear(reads: readonly Buffer[]): Told {
    const told: Told = { body: "", ends: 0, whole: false, problem: "" };
    this.#told = told;
    this.#parser.reset();
    for (const read of reads) {
      // As a connection does it: a buffer that others use as well.
      const buffer = Buffer.alloc(read.length + 4, 0x58);
      read.copy(buffer, 2);
      this.#parser.push(buffer, 2, 2 + read.length);
      buffer.fill(0x58);
    }
    told.whole = this.#parser.close();
    told.problem = this.#parser.problem;
    return told;
  }
}

/** However an answer is cut into reads, the parser tells the same of it; what one leaves does not show in the next. */
export const splitProperty: fc.IProperty<[RandomHttp, RandomHttp]> = fc.property(
  randomHttp,
  randomHttp,
  (answer, before) => {
    const whole = new Listener().hear([answer.bytes]);
    deepStrictEqual(new Listener().hear(piecesOf(answer)), whole);
    const used = new Listener();
    used.hear(piecesOf(before));
    deepStrictEqual(used.hear(Array.from(answer.bytes, (byte) => Buffer.from([byte]))), whole);
  },
);
