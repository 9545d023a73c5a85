import { isUtf8 } from "node:buffer";
import { EventMeaning, type EventReader } from "./event-meaning.ts";
import { JsonEventReader } from "./json-event-reader.ts";

const textKeys = ['"content":', '"text":', '"reasoning_content":', '"reasoning":'];
const marker = "llmbench~marker";
const quote = 0x22;
const backslash = 0x5c;
/** Engines whose every event differs beside its text are not learned from over and over. */
const mostUselessTemplates = 8;

/** What an event means whose bytes are `prefix`, then any JSON string's inside, then `suffix`. */
interface Template {
  readonly prefix: DataView;
  readonly suffix: DataView;
  readonly reasoning: boolean;
  readonly role: boolean;
  readonly choice: number;
  readonly seenMask: number;
}

/**
 * Reads most events without parsing them, to the same meaning. The chunks of a stream differ only in the text they carry:
 * once one has been parsed and the place of its text found, an event with the same bytes before and after that place
 * can only mean the same with another text. The place is proved by parsing the event with a marker put there. Whatever
 * is unlike the last chunk in any byte, or has an escape that is more than one letter, goes to the JSON reader.
 */
export class TemplateEventReader implements EventReader {
  readonly #json: JsonEventReader;
  readonly #prover = new JsonEventReader(true);
  readonly #proof = new EventMeaning();
  readonly #keepText: boolean;
  #template: Template | undefined;
  #uselessTemplates = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(keepText: boolean) {
    this.#keepText = keepText;
    this.#json = new JsonEventReader(keepText);
  }

  read(bytes: Uint8Array, from: number, to: number, type: string, meaning: EventMeaning): void {
    if (type === "" && this.#template !== undefined && this.#fits(this.#template, bytes, from, to, meaning)) {
      this.#uselessTemplates = 0;
      return;
    }
    this.#json.read(bytes, from, to, type, meaning);
    // A chunk without text, such as one that names the role, is like none that comes after it.
    const worthLearning = isPlainChunk(meaning) && meaning.textBytes > 0;
    if (worthLearning && this.#uselessTemplates < mostUselessTemplates) {
      this.#template = this.#learn(bytes, from, to);
      this.#uselessTemplates++;
    }
  }

  #fits(template: Template, bytes: Uint8Array, from: number, to: number, meaning: EventMeaning): boolean {
    const textFrom = from + template.prefix.byteLength;
    const textTo = to - template.suffix.byteLength;
    if (textTo < textFrom) return false;
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    const offset = bytes.byteOffset;
    if (!sameBytes(this.#view, offset + textTo, template.suffix)) return false;
    if (!sameBytes(this.#view, offset + from, template.prefix)) return false;
    let escapes = 0;
    let ascii = true;
    for (let i = textFrom; i < textTo; i++) {
      const byte = bytes[i] ?? 0;
      if (byte < 0x20 || byte === quote) return false;
      if (byte >= 0x80) ascii = false;
      if (byte === backslash) {
        i++;
        escapes++;
        if (i >= textTo || !isOneLetterEscape(bytes[i] ?? 0)) return false;
      }
    }
    if (escapes > 0 && this.#keepText) return false;
    if (!ascii && !isUtf8(bytes.subarray(textFrom, textTo))) return false;
    meaning.clear();
    meaning.kind = "chunk";
    meaning.choices = 1;
    meaning.choice = template.choice;
    meaning.seenMask = template.seenMask;
    meaning.role = template.role;
    const textBytes = textTo - textFrom - escapes;
    if (template.reasoning) meaning.reasoningBytes = textBytes;
    else meaning.answerBytes = textBytes;
    if (this.#keepText && textBytes > 0) {
      const text = Buffer.from(bytes.buffer, offset + textFrom, textTo - textFrom).toString("utf8");
      if (template.reasoning) meaning.reasoning = text;
      else meaning.answer = text;
    }
    return true;
  }

  #learn(bytes: Uint8Array, from: number, to: number): Template | undefined {
    const event = Buffer.from(bytes.subarray(from, to));
    if (event.includes(marker)) return undefined;
    for (const key of textKeys) {
      const place = stringAfter(event, key);
      if (place === undefined || place.from < 8 || event.length - place.to < 8) continue;
      const prefix = event.subarray(0, place.from);
      const suffix = event.subarray(place.to);
      const proof = this.#proof;
      const marked = Buffer.concat([prefix, Buffer.from(marker), suffix]);
      this.#prover.read(marked, 0, marked.length, "", proof);
      if (!isPlainChunk(proof)) continue;
      const reasoning = proof.reasoning === marker && proof.answer === "";
      if (!reasoning && !(proof.answer === marker && proof.reasoning === "")) continue;
      return {
        prefix: viewOf(prefix),
        suffix: viewOf(suffix),
        reasoning,
        role: proof.role,
        choice: proof.choice,
        seenMask: proof.seenMask,
      };
    }
    return undefined;
  }
}

/** A chunk that says nothing but text of one choice. */
function isPlainChunk(meaning: EventMeaning): boolean {
  return (
    meaning.kind === "chunk" &&
    meaning.choices === 1 &&
    meaning.toolBytes === 0 &&
    meaning.finish === "" &&
    meaning.promptTokens < 0 &&
    meaning.outputTokens < 0 &&
    meaning.cachedTokens < 0 &&
    meaning.idTokens < 0 &&
    meaning.logprobTokens < 0 &&
    meaning.timings === undefined
  );
}

/** Inside of the first string that is the value of `key`; undefined without one. */
function stringAfter(event: Buffer, key: string): { from: number; to: number } | undefined {
  const found = event.indexOf(key);
  if (found < 0) return undefined;
  let from = found + key.length;
  while (event[from] === 0x20) from++;
  if (event[from] !== quote) return undefined;
  from++;
  for (let to = from; to < event.length; to++) {
    if (event[to] === backslash) to++;
    else if (event[to] === quote) return { from, to };
  }
  return undefined;
}

/** `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`: one byte of text each. */
function isOneLetterEscape(letter: number): boolean {
  switch (letter) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return true;
    default:
      return false;
  }
}

function viewOf(bytes: Buffer): DataView {
  const copy = new Uint8Array(bytes);
  return new DataView(copy.buffer);
}

/**
 * Are the bytes at `offset` those of `wanted` (8 or more)? Eight at a time as floating-point numbers, the widest that
 * V8 reads without allocating. Different bytes are never equal so: only the zeros are, and JSON has no byte 0. The same
 * bytes may be unequal (not a number), which costs only time.
 */
function sameBytes(view: DataView, offset: number, wanted: DataView): boolean {
  const last = wanted.byteLength - 8;
  if (offset + wanted.byteLength > view.byteLength) return false;
  for (let i = 0; i < last; i += 8) {
    if (view.getFloat64(offset + i, true) !== wanted.getFloat64(i, true)) return false;
  }
  return view.getFloat64(offset + last, true) === wanted.getFloat64(last, true);
}
