// A hook whose template wants more
import { dag } from "../../../src/argo/index.ts";
import { measure, teardown } from "./steps.ts";

dag("main", {}, (d) => {
  // @ts-expect-error
  d.task("measure", measure, { url: "http://server" }, { onExit: (ended) => ended.run(teardown, {}) });
});
