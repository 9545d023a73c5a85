import type { ReadOptions } from "./measurement.ts";
import type { RequestRecord } from "./record.ts";
import { type RequestPlace, ResponseReader } from "./response-reader.ts";
import { ReadersShare, TemplateEventReader } from "./template-event-reader.ts";
import type { InFlight, Transport, TransportRequest } from "./transport.ts";

/** One request in the air: its reader, which is used again, and what ends it early. */
interface Flight {
  readonly reader: ResponseReader;
  handle: InFlight | undefined;
  timer: NodeJS.Timeout | undefined;
  landed: ((record: RequestRecord, reader: ResponseReader) => void) | undefined;
}

/** The requests in flight on one transport. Their readers, with all they have allocated, go round. */
export class Flights {
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #read: ReadOptions;
  readonly #share: ReadersShare;
  readonly #flying = new Set<Flight>();
  readonly #resting: Flight[] = [];

  constructor(transport: Transport, timeoutMs: number, read: ReadOptions) {
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
    this.#read = read;
    this.#share = new ReadersShare(read.saveText === true);
  }

  get count(): number {
    return this.#flying.size;
  }

  /** Sends now; throws what the transport does of a request that cannot be sent. `landed` is called once; it may look at the reader until it launches another request. */
  launch(
    request: TransportRequest,
    place: RequestPlace,
    landed: (record: RequestRecord, reader: ResponseReader) => void,
  ): void {
    const flight = this.#resting.pop() ?? this.#createFlight();
    flight.landed = landed;
    this.#flying.add(flight);
    flight.reader.begin(place);
    let handle: InFlight;
    try {
      handle = this.#transport.send(request, flight.reader);
    } catch (error) {
      this.#flying.delete(flight);
      throw error;
    }
    // A request that cannot even be sent has landed by now.
    if (!this.#flying.has(flight) || flight.landed !== landed) return;
    flight.handle = handle;
    flight.timer = setTimeout(() => handle.abort("timeout"), this.#timeoutMs);
  }

  cancelAll(): void {
    for (const flight of Array.from(this.#flying)) flight.handle?.abort("cancelled");
  }

  #createFlight(): Flight {
    const flight: Flight = {
      reader: new ResponseReader(this.#read, new TemplateEventReader(this.#share), (record, reader) => {
        clearTimeout(flight.timer);
        flight.timer = undefined;
        flight.handle = undefined;
        const landed = flight.landed;
        flight.landed = undefined;
        this.#flying.delete(flight);
        // Before the call: the next request of the same stream then uses the same reader.
        this.#resting.push(flight);
        landed?.(record, reader);
      }),
      handle: undefined,
      timer: undefined,
      landed: undefined,
    };
    return flight;
  }
}
