import type { CapacityResult, Cost } from "../results/schema/capacity.ts";
import type { CellResult, Results } from "../results/schema/results.ts";
import { formatNumber, formatRange, NONE } from "./describe.ts";
import { cellName, measuredPoints, shortLengths } from "./groups.ts";
import { numericColumn, type Table, type TableCell, text, textColumn } from "./table.ts";

/** What searches for the capacity found, and what tokens cost: tables and sentences of every format. */

export const CAPACITY_FORMULA =
  "Capacity is the load at which the share of requests that meet every SLO falls to the target; the lower end of its 95 % interval is what one server is counted for. Servers for a load: the load divided by the capacity, rounded up.";

export const COST_FORMULA =
  "Cost of a million tokens = price of a GPU-hour × GPUs / 3,600 / output tokens a second × 1,000,000. Good tokens are those of requests that met every SLO; at the capacity, the target's share of all. Two servers cost the same per good token where the prices of their GPU-hours are as their good tokens a second and GPU.";

interface Found {
  readonly cell: CellResult;
  readonly capacity: CapacityResult;
}

export function capacities(results: Results): readonly Found[] {
  return results.cells.flatMap((cell) => (cell.capacity ?? []).map((capacity) => ({ cell, capacity })));
}

/** The unit of a search's load. */
export function unitOf({ by }: Pick<CapacityResult, "by">): string {
  return by === "rate" ? "requests/s" : "in flight";
}

/** A load of a search: of requests in flight the whole ones. */
export function formatLoad({ by }: Pick<CapacityResult, "by">, load: number | null): string {
  return by === "rate" || load === null ? formatNumber(load) : load.toLocaleString("en-US");
}

function formatInterval(capacity: CapacityResult, [low, high]: readonly [number, number]): string {
  if (capacity.by === "rate") return formatRange(low, high);
  return low === high
    ? formatLoad(capacity, low)
    : `${formatLoad(capacity, low)}–${formatLoad(capacity, high)}`;
}

export function capacityTable(results: Results): Table | undefined {
  const found = capacities(results);
  if (found.length === 0) return undefined;
  const hasLoad = found.some(({ capacity }) => capacity.forLoad !== undefined);
  const currency = found.find(({ capacity }) => capacity.cost !== undefined)?.capacity.cost?.currency;
  return {
    caption: "Capacity of one server",
    columns: [
      textColumn("Variant"),
      numericColumn("Capacity"),
      numericColumn("Best estimate"),
      numericColumn("Share asked for", "%"),
      numericColumn("Tokens", "per s"),
      ...(currency === undefined
        ? []
        : [numericColumn("Million output tokens", currency), numericColumn("Million good tokens", currency)]),
      ...(hasLoad ? [numericColumn("Servers")] : []),
      numericColumn("Requests sent"),
      textColumn("Ended"),
    ],
    groups: [
      {
        rows: found.map(({ cell, capacity }): readonly TableCell[] => [
          text(nameOf(results, { cell, capacity })),
          text(
            capacity.capacity === null
              ? NONE
              : `${capacity.status === "at-least" ? "≥ " : ""}${formatLoad(capacity, capacity.capacity)}`,
            unitOf(capacity),
          ),
          text(
            formatLoad(capacity, capacity.status === "at-least" ? null : capacity.estimate),
            capacity.interval === null ? undefined : `[${formatInterval(capacity, capacity.interval)}]`,
          ),
          text(percent(capacity.target)),
          text(formatNumber(capacity.outputTokensPerSecond)),
          ...(currency === undefined
            ? []
            : [
                text(formatNumber(capacity.cost?.perMillionOutputTokens)),
                text(formatNumber(capacity.cost?.perMillionGoodTokens)),
              ]),
          ...(hasLoad
            ? [
                text(
                  capacity.replicas === undefined ? NONE : capacity.replicas.toLocaleString("en-US"),
                  capacity.forLoad === undefined
                    ? undefined
                    : `for ${formatLoad(capacity, capacity.forLoad)} ${unitOf(capacity)}`,
                ),
              ]
            : []),
          text(capacity.requests.toLocaleString("en-US")),
          text(ENDS[capacity.ended]),
        ]),
      },
    ],
  };
}

const ENDS: Readonly<Record<CapacityResult["ended"], string>> = {
  precision: "as narrow as asked",
  requests: "limit of requests",
  time: "limit of time",
  bound: "end of the loads",
  client: "the client gave out",
  missing: "not yet whole",
};

function nameOf(results: Results, { cell, capacity }: Found): string {
  const lengths = shortLengths(cell, capacity.id);
  return (cell.capacity ?? []).length > 1 && lengths !== undefined
    ? `${cellName(results, cell)}, ${lengths}`
    : cellName(results, cell);
}

/** Each search in a sentence; then, where two have a price, at which ratio of prices they cost the same. */
export function capacitySentences(results: Results): readonly string[] {
  const found = capacities(results);
  return [
    ...found.map((each) => describe(nameOf(results, each), each.capacity)),
    ...breakEvens(results, found),
  ];
}

function describe(name: string, capacity: CapacityResult): string {
  const unit = unitOf(capacity);
  const share = `${percent(capacity.target)} % of requests`;
  switch (capacity.status) {
    case "found": {
      const { interval, replicas, forLoad } = capacity;
      const within = `with ${share} within every SLO`;
      const range = interval === null ? "" : ` (95 % interval ${formatInterval(capacity, interval)})`;
      const servers =
        replicas === undefined || forLoad === undefined
          ? ""
          : `; ${formatLoad(capacity, forLoad)} ${unit} take ${replicas.toLocaleString("en-US")} of such servers`;
      if (capacity.capacity === 0)
        return `${name} was not shown to carry even one ${unit} ${within}${range}.`;
      return `${name} carries ${formatLoad(capacity, capacity.capacity)} ${unit} ${within}${range}${servers}.`;
    }
    case "at-least":
      return `${name} carries at least ${formatLoad(capacity, capacity.capacity)} ${unit} with ${share} within every SLO: ${capacity.ended === "client" ? "at more the client gave out, not the server; give it a machine of its own" : "no higher load was to be tried"}.`;
    case "unmet":
      return `${name} does not meet the SLOs in ${share}, even ${capacity.estimate === null ? "one request at a time" : `at ${formatLoad(capacity, capacity.estimate)} ${unit}`}.`;
    case "not-falling":
      return `${name}: the search was at its limit before the share was shown to fall with the load near ${percent(capacity.target)} %, so no capacity is given${capacity.estimate === null ? "" : ` (about ${formatLoad(capacity, capacity.estimate)} ${unit})`}; more requests would narrow it.`;
    default:
      return capacity.ended === "client"
        ? `${name}: the client could not carry even a low load, so there is no capacity; see the verdicts.`
        : `${name}: the search for the capacity is not finished.`;
  }
}

function breakEvens(results: Results, found: readonly Found[]): readonly string[] {
  const priced = found.flatMap((each) => {
    const tokens = each.capacity.outputTokensPerSecond;
    const plan = results.run.plan.cells.find(({ id }) => id === each.cell.id);
    return tokens === null || plan?.price === undefined || each.capacity.cost === undefined
      ? []
      : [{ ...each, goodPerGpu: (tokens * each.capacity.target) / plan.price.gpus }];
  });
  return priced.flatMap((a, i) =>
    priced.slice(i + 1).flatMap((b) => {
      if (a.cell.model.id !== b.cell.model.id || a.capacity.id !== b.capacity.id) return [];
      const ratio = a.goodPerGpu / b.goodPerGpu;
      const [first, second] = [nameOf(results, a), nameOf(results, b)];
      return [
        `A million good tokens costs the same on ${first} and ${second} where a GPU-hour of ${first} costs ${formatNumber(ratio)} × one of ${second}; above that ${second} is cheaper.`,
      ];
    }),
  );
}

/** What the tokens of each point cost; undefined where no price is given. */
export function costTable(results: Results): Table | undefined {
  const rows = results.cells.flatMap((cell) =>
    measuredPoints(cell).flatMap((point) =>
      point.cost === undefined ? [] : [{ cell, point, cost: point.cost }],
    ),
  );
  const currency = rows[0]?.cost.currency;
  if (currency === undefined) return undefined;
  return {
    caption: "Cost of a million tokens",
    columns: [
      textColumn("Variant"),
      textColumn("Point"),
      numericColumn("Output tokens", currency),
      numericColumn("Good tokens", currency),
    ],
    groups: [
      {
        rows: rows.map(({ cell, point, cost }) => [
          text(cellName(results, cell)),
          text(point.id),
          text(formatNumber(cost.perMillionOutputTokens)),
          text(formatNumber(cost.perMillionGoodTokens)),
        ]),
      },
    ],
  };
}

/** For the terminal: the cost at each capacity, and the cheapest point of each cell that was measured otherwise. */
export function costSentences(results: Results): readonly string[] {
  const words = (name: string, { currency, perMillionOutputTokens, perMillionGoodTokens }: Cost): string => {
    const good =
      perMillionGoodTokens === null ? "" : `, of good ones ${formatNumber(perMillionGoodTokens)} ${currency}`;
    return `${name}: a million output tokens cost ${formatNumber(perMillionOutputTokens)} ${currency}${good}.`;
  };
  return results.cells.flatMap((cell) => {
    const name = cellName(results, cell);
    const cheapest = measuredPoints(cell)
      .filter(({ cost, verdict }) => cost?.perMillionOutputTokens != null && verdict.status !== "invalid")
      .sort((a, b) => (a.cost?.perMillionOutputTokens ?? 0) - (b.cost?.perMillionOutputTokens ?? 0))[0];
    return [
      ...(cell.capacity ?? []).flatMap(({ cost, capacity }) =>
        cost === undefined || capacity === null ? [] : [words(`${name} at its capacity`, cost)],
      ),
      ...(cheapest?.cost === undefined
        ? []
        : [words(`${name} at ${cheapest.id}, its cheapest point`, cheapest.cost)]),
    ];
  });
}

function percent(share: number): string {
  return String(Number((share * 100).toPrecision(4)));
}
