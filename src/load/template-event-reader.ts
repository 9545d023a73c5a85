import { EventMeaning, type EventReader, type KnowingEventReader } from "./event-meaning.ts";
import { JsonEventReader } from "./json-event-reader.ts";
import { sequenceBytes } from "./utf8.ts";

const textKeys = ['"content":', '"text":', '"reasoning_content":', '"reasoning":'];
const marker = "llmbench~marker";
const quote = 0x22;
const backslash = 0x5c;
/** How engines write an event around its data; others are left to the scanner. */
const before = "data: ";
const after = "\n\n";
/** Engines whose every event differs beside its text are not learned from over and over. */
const mostUselessTemplates = 8;

/** What an event means whose bytes are the prefix, then any JSON string's inside, then the suffix. */
interface Template {
  /** `before`, prefix, suffix, `after`. */
  readonly bytes: DataView;
  readonly prefixBytes: number;
  readonly suffixBytes: number;
  readonly reasoning: boolean;
  readonly role: boolean;
  readonly choice: number;
  readonly seenMask: number;
}

/**
 * What readers of one thread have in common, since none keeps anything in it from one event to the next: with a thousand
 * streams, what each has of its own is out of the processor's cache when its next chunk comes.
 */
export class ReadersShare {
  readonly json: EventReader;
  readonly keepText: boolean;
  readonly prover = new JsonEventReader(true);
  readonly proof = new EventMeaning();
  readonly known = new EventMeaning();
  /** Of the last event that was matched: where its text lies, and escapes in it. */
  textFrom = 0;
  textTo = 0;
  escapes = 0;
  #viewed: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#viewed.buffer);

  constructor(keepText: boolean) {
    this.keepText = keepText;
    this.json = new JsonEventReader(keepText);
    this.known.kind = "chunk";
    this.known.choices = 1;
  }

  /** Places in it are those in `bytes`. A transport hands out the same bytes again and again. */
  viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#viewed) {
      this.#viewed = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view;
  }
}

/**
 * Reads most events without parsing them, to the same meaning. The chunks of a stream differ only in the text they carry:
 * once one has been parsed and the place of its text found, an event with the same bytes before and after that place
 * can only mean the same with another text. The place is proved by parsing the event with a marker put there. Whatever
 * is unlike the last chunk in any byte, or has an escape that is more than one letter, goes to the JSON reader.
 */
export class TemplateEventReader implements KnowingEventReader {
  readonly known: EventMeaning;
  readonly #share: ReadersShare;
  #template: Template | undefined;
  #uselessTemplates = 0;

  constructor(share: ReadersShare) {
    this.#share = share;
    this.known = share.known;
  }

  readKnown(bytes: Uint8Array, from: number, to: number): number {
    const template = this.#template;
    if (template === undefined) return -1;
    const end = this.#match(template, bytes, from, to, before.length, after.length);
    if (end < 0) return -1;
    if (this.#uselessTemplates > 0) this.#uselessTemplates = 0;
    this.#mean(template, bytes, this.known);
    return end;
  }

  read(bytes: Uint8Array, from: number, to: number, type: string, meaning: EventMeaning): void {
    const template = this.#template;
    if (type === "" && template !== undefined && this.#match(template, bytes, from, to, 0, 0) === to) {
      this.#uselessTemplates = 0;
      meaning.clear();
      meaning.kind = "chunk";
      meaning.choices = 1;
      this.#mean(template, bytes, meaning);
      return;
    }
    this.#share.json.read(bytes, from, to, type, meaning);
    // A chunk without text, such as one that names the role, is like none that comes after it.
    const worthLearning = isPlainChunk(meaning) && meaning.textBytes > 0;
    if (worthLearning && this.#uselessTemplates < mostUselessTemplates) {
      this.#template = this.#learn(bytes, from, to);
      this.#uselessTemplates++;
    }
  }

  /**
   * Where an event ends that begins at `from` and is like the template, with so much of what stands `before` and `after`
   * its data; -1 where there is none.
   */
  #match(
    template: Template,
    bytes: Uint8Array,
    from: number,
    to: number,
    beforeBytes: number,
    afterBytes: number,
  ): number {
    const share = this.#share;
    const prefixBytes = beforeBytes + template.prefixBytes;
    const suffixBytes = template.suffixBytes + afterBytes;
    const textFrom = from + prefixBytes;
    const lastTextTo = to - suffixBytes;
    if (textFrom > lastTextTo) return -1;
    const view = share.viewOf(bytes);
    if (!sameBytes(view, from, template.bytes, before.length - beforeBytes, prefixBytes)) return -1;
    let escapes = 0;
    let textTo = textFrom;
    for (; textTo <= lastTextTo; textTo++) {
      const byte = bytes[textTo] ?? 0;
      if (byte === quote) break;
      if (byte < 0x20) return -1;
      if (byte === backslash) {
        textTo++;
        escapes++;
        if (!isOneLetterEscape(bytes[textTo] ?? 0)) return -1;
      } else if (byte >= 0x80) {
        const length = sequenceBytes(bytes, textTo, lastTextTo);
        if (length === 0) return -1;
        textTo += length - 1;
      }
    }
    if (textTo > lastTextTo || (escapes > 0 && share.keepText)) return -1;
    if (!sameBytes(view, textTo, template.bytes, before.length + template.prefixBytes, suffixBytes))
      return -1;
    share.textFrom = textFrom;
    share.textTo = textTo;
    share.escapes = escapes;
    return textTo + suffixBytes;
  }

  /** Fills in what a matched event means, beside that it is a chunk of one choice. */
  #mean(template: Template, bytes: Uint8Array, meaning: EventMeaning): void {
    const { textFrom, textTo, escapes, keepText } = this.#share;
    meaning.choice = template.choice;
    meaning.seenMask = template.seenMask;
    meaning.role = template.role;
    const textBytes = textTo - textFrom - escapes;
    meaning.answerBytes = template.reasoning ? 0 : textBytes;
    meaning.reasoningBytes = template.reasoning ? textBytes : 0;
    if (!keepText) return;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + textFrom, textTo - textFrom).toString("utf8");
    meaning.answer = template.reasoning ? "" : text;
    meaning.reasoning = template.reasoning ? text : "";
  }

  #learn(bytes: Uint8Array, from: number, to: number): Template | undefined {
    const event = Buffer.from(bytes.subarray(from, to));
    if (event.includes(marker)) return undefined;
    for (const key of textKeys) {
      const place = stringAfter(event, key);
      if (place === undefined || place.from < 8 || event.length - place.to < 8) continue;
      const prefix = event.subarray(0, place.from);
      const suffix = event.subarray(place.to);
      const { proof, prover } = this.#share;
      const marked = Buffer.concat([prefix, Buffer.from(marker), suffix]);
      prover.read(marked, 0, marked.length, "", proof);
      if (!isPlainChunk(proof)) continue;
      const reasoning = proof.reasoning === marker && proof.answer === "";
      if (!reasoning && !(proof.answer === marker && proof.reasoning === "")) continue;
      return {
        bytes: viewOf(Buffer.concat([Buffer.from(before), prefix, suffix, Buffer.from(after)])),
        prefixBytes: prefix.length,
        suffixBytes: suffix.length,
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
 * Are the `length` bytes (8 or more) at `offset` those of `wanted` from `from` on? Eight at a time as floating-point numbers,
 * the widest that V8 reads without allocating. Different bytes are never equal so: only the zeros are, and JSON has no byte
 * 0. The same bytes may be unequal (not a number), which costs only time.
 */
function sameBytes(view: DataView, offset: number, wanted: DataView, from: number, length: number): boolean {
  const last = length - 8;
  for (let i = 0; i < last; i += 8) {
    if (view.getFloat64(offset + i, true) !== wanted.getFloat64(from + i, true)) return false;
  }
  return view.getFloat64(offset + last, true) === wanted.getFloat64(from + last, true);
}
