import { expect, it } from "vitest";
import { createMeter, inBytes } from "../../src/hub/meter.ts";

it("says what is there, the rate of the last seconds, and the time that is left", () => {
  let now = 0;
  const meter = createMeter(16_060_000_000, () => now);
  expect(meter.line()).toBe("0 B of 16.1 GB, 0.0 MB/s");
  meter.add(1_060_000_000); // found on the disk: no part of the rate
  for (const rate of [100e6, 100e6, 100e6, 50e6, 50e6, 50e6]) {
    now += 10_000;
    meter.add(rate * 10);
    meter.received(rate * 10);
    meter.line();
  }
  expect(meter.line()).toBe("5.6 GB of 16.1 GB, 50.0 MB/s, 3 min 30 s left");
  meter.add(10_500_000_000);
  expect(meter.line()).toBe("16.1 GB of 16.1 GB, 50.0 MB/s");
});

it("names sizes and long times in their own units", () => {
  expect([999, 1500, 2_500_000, 3e9].map(inBytes)).toEqual(["999 B", "1.5 kB", "2.5 MB", "3.0 GB"]);
  let now = 0;
  const slow = createMeter(8_000_000_000, () => now);
  now = 1000;
  slow.received(1e6);
  slow.add(1e6);
  expect(slow.line()).toBe("1.0 MB of 8.0 GB, 1.0 MB/s, 2 h 13 min left");
});
