// A task's own status outside its hook
import { dag } from "../../../src/argo/index.ts";
import { measure, teardown } from "./steps.ts";

dag("main", {}, (d) => {
  d.task(
    "measure",
    measure,
    { url: "http://server" },
    {
      onExit: (ended) => {
        // @ts-expect-error
        d.task("teardown", teardown, { status: ended.status });
        return ended.run(teardown, { status: ended.status });
      },
    },
  );
});
