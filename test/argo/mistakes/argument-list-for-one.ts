// A list where one value is wanted
import { dag } from "../../../src/argo/index.ts";
import { judge, measure } from "./steps.ts";

dag("main", {}, (d) => {
  const urls = d.each(["http://one", "http://two"]);
  const measured = urls.task("measure", measure, { url: urls.item });
  // @ts-expect-error
  d.task("judge", judge, { rate: measured.outputs.rate });
});
