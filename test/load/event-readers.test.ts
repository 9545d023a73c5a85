import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeErrorBody } from "../../src/load/error-body.ts";
import { EventMeaning } from "../../src/load/event-meaning.ts";
import { JsonEventReader } from "../../src/load/json-event-reader.ts";
import { ReadersShare, TemplateEventReader } from "../../src/load/template-event-reader.ts";

function fieldsOf(meaning: EventMeaning): object {
  return Object.fromEntries(Object.entries(meaning).map(([name, value]) => [name, structuredClone(value)]));
}

describe("the template reader", () => {
  const shapes = [
    (text: string) => `{"id":"1","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}`,
    (text: string) =>
      `{"choices": [{"index": 1, "delta": {"role": "assistant", "content": "${text}"}}], "usage": null}`,
    (text: string) =>
      `{"choices":[{"text":"${text}","index":0,"logprobs":null,"finish_reason":""}],"model":"m"}`,
    (text: string) =>
      `{"choices":[{"delta":{"content":"","reasoning_content":"${text}","role":null},"index":0}]}`,
    (text: string) =>
      `{"choices":[{"delta":{"reasoning":"${text}","content":null},"index":0}],"x":"\\"content\\":"}`,
    (text: string) => `{"content":"x","choices":[{"delta":{"content":"${text}"},"index":0}],"text":"y"}`,
  ];
  const bytes = fc.oneof(
    fc.string({ unit: "grapheme" }).map((text) => Buffer.from(JSON.stringify(text).slice(1, -1))),
    fc.uint8Array({ maxLength: 6 }).map((some) => Buffer.from(some)),
    fc
      .constantFrom("\\n", "\\u00e9", "\\ud83d\\ude00", '\\"', "\\", '"', '","finish_reason":"stop', "")
      .map((s) => Buffer.from(s)),
  );

  it("means the same as the JSON reader, whatever bytes come where the text was", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...shapes),
        fc.array(bytes, { minLength: 1, maxLength: 6 }),
        fc.option(fc.record({ at: fc.noBias(fc.nat(300)), byte: fc.nat(255) })),
        fc.boolean(),
        (shape, texts, change, keepText) => {
          const fast = new TemplateEventReader(new ReadersShare(keepText));
          const plain = new JsonEventReader(keepText);
          const [before = "", after = ""] = shape("\u0001").split("\u0001");
          for (const text of [Buffer.from("learn"), Buffer.from("again"), ...texts]) {
            const event = Buffer.concat([
              Buffer.from("::"),
              Buffer.from(before),
              text,
              Buffer.from(after),
              Buffer.from(";"),
            ]);
            if (change !== null && text !== texts[0])
              event[2 + (change.at % (event.length - 3))] = change.byte;
            const one = new EventMeaning();
            const other = new EventMeaning();
            fast.read(event, 2, event.length - 1, "", one);
            plain.read(event, 2, event.length - 1, "", other);
            expect(fieldsOf(one)).toEqual(fieldsOf(other));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("parses a steady stream only once", () => {
    const reader = new TemplateEventReader(new ReadersShare(false));
    const meaning = new EventMeaning();
    const parse = JSON.parse;
    let parsed = 0;
    JSON.parse = (...args: Parameters<typeof parse>) => {
      parsed++;
      return parse(...args) as unknown;
    };
    try {
      for (let k = 0; k < 100; k++) {
        const event = Buffer.from(shapes[0]?.(` word${k}\\n`) ?? "");
        reader.read(event, 0, event.length, "", meaning);
        expect(meaning.answerBytes).toBe(` word${k}\n`.length);
      }
    } finally {
      JSON.parse = parse;
    }
    // The first event, and the proof of where its text is.
    expect(parsed).toBe(2);
  });
});

describe("an error body", () => {
  it.each([
    ['{"error":{"message":"too long","type":"BadRequestError","code":400}}', "too long"],
    ['{"error":"Model is overloaded","error_type":"overloaded"}', "Model is overloaded"],
    ['{"object":"error","message":"too long","code":400}', "too long"],
    ['{"detail":"Not Found"}', "Not Found"],
    ['{"detail":[{"loc":["body"],"msg":"Field required"},{"msg":"bad"}]}', "Field required; bad"],
    ['{"error":{"message":"","type":"internal_server_error"}}', "internal_server_error"],
    ['{"message":"no such route","statusCode":404}', "no such route"],
    ["\n  Internal Server Error\ntrace", "Internal Server Error"],
    ["", ""],
  ])("%s says: %s", (body, said) => {
    expect(describeErrorBody(body)).toBe(said);
  });
});
