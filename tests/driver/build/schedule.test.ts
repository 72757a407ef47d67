import { array, assert, asyncProperty, integer, record } from "fast-check";
import { setImmediate, setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Hand } from "../../../src/driver/build/hand.ts";
import type { Job, Made } from "../../../src/driver/build/protocol.ts";
import { type Outcome, schedule } from "../../../src/driver/build/schedule.ts";
import { TimmcError } from "../../../src/ir/error.ts";

const made: Made = { origin: "built", artifact: null, verification: null, top1_agreement: null, failure: null };
const source = { hub: null, weights_sha256: null, config_sha256: null };

const jobOf = (name: string, model = "resnet50"): Job => ({
  name,
  request: { model },
  out: "",
  stamp: "",
  cache: null,
  cacheDir: undefined,
  verify: false,
});

interface Setting {
  readonly hands?: number;
  readonly memory?: number;
  readonly makeHand: () => Hand;
  readonly signal?: AbortSignal;
  readonly permit?: (job: Job) => void;
}

async function run(jobs: readonly Job[], { hands = 4, memory = 100, signal, makeHand, permit = () => {} }: Setting) {
  const ended = new Map<string, Outcome>();
  await schedule(jobs, {
    hands,
    memory,
    signal,
    makeHand,
    permit,
    ended: (job, outcome) => void ended.set(job.name, outcome),
    note: () => {},
    progress: () => {},
  });
  return ended;
}

const handOf = (body: Hand["perform"], isWhole = (): boolean => true): Hand => ({
  get isWhole() {
    return isWhole();
  },
  perform: body,
  stop: () => {},
  close: async () => {},
});

describe("the budget", () => {
  it("is never exceeded, but that one job always runs, and all jobs end", async () => {
    const sizes = array(record({ bytes: integer({ min: 0, max: 150 }), turns: integer({ min: 0, max: 4 }) }), {
      maxLength: 25,
    });
    await assert(
      asyncProperty(sizes, integer({ min: 1, max: 6 }), async (needs, hands) => {
        let [used, running, most] = [0, 0, 0];
        const makeHand = (): Hand =>
          handOf(async (job, ask) => {
            const { bytes = 0, turns = 0 } = needs[Number(job.name)] ?? {};
            await setImmediate();
            await ask({ source, bytes });
            used += bytes;
            most = Math.max(most, ++running);
            expect(running === 1 || used <= 100).toBe(true);
            for (let i = 0; i < turns; i++) await setImmediate();
            used -= bytes;
            running--;
            if (turns === 3) throw new TimmcError("weights", "no");
            return made;
          });
        const ended = await run(
          needs.map((_, i) => jobOf(String(i))),
          { hands, makeHand },
        );
        expect(ended.size).toBe(needs.length);
        expect(most).toBeLessThanOrEqual(hands);
        for (const [name, { kind }] of ended) expect(kind).toBe(needs[Number(name)]?.turns === 3 ? "failed" : "made");
      }),
      { numRuns: 60 },
    );
  });
});

describe("a hand", () => {
  it("that is gone fails its job alone, and gives its memory back", async () => {
    let count = 0;
    const makeHand = (): Hand => {
      count++;
      let isWhole = true;
      return handOf(
        async (job, ask) => {
          await ask({ source, bytes: 100 });
          if (job.name !== "bad") return made;
          isWhole = false;
          throw new TimmcError("io", "its worker ran out of memory");
        },
        () => isWhole,
      );
    };
    const ended = await run(
      ["a", "bad", "b", "c"].map((n) => jobOf(n)),
      { hands: 1, makeHand },
    );
    expect([...ended].map(([name, { kind }]) => `${name} ${kind}`)).toEqual([
      "a made",
      "bad failed",
      "b made",
      "c made",
    ]);
    expect(count).toBe(2);
  });

  it("that dies while it waits for memory holds none", async () => {
    let kill = (): void => {};
    const makeHand = (): Hand =>
      handOf((job, ask) => {
        if (job.name === "big") return ask({ source, bytes: 90 }).then(() => setTimeout(30, made));
        if (job.name === "later") return ask({ source, bytes: 90 }).then(() => made);
        void ask({ source, bytes: 90 });
        return new Promise((_, reject) => {
          kill = () => reject(new TimmcError("io", "gone"));
        });
      });
    const all = run(
      ["big", "dies", "later"].map((n) => jobOf(n)),
      { hands: 2, makeHand },
    );
    await setTimeout(10);
    kill();
    expect([...(await all)].map(([name, { kind }]) => `${name} ${kind}`).toSorted()).toEqual([
      "big made",
      "dies failed",
      "later made",
    ]);
  });

  it("takes jobs of the model that it had last", async () => {
    const order: string[] = [];
    const makeHand = (): Hand => handOf(async (job) => (order.push(job.name), made));
    await run([jobOf("a1", "a"), jobOf("b1", "b"), jobOf("a2", "a"), jobOf("b2", "b")], { hands: 1, makeHand });
    expect(order).toEqual(["a1", "a2", "b1", "b2"]);
  });
});

it("what is not permitted does not run", async () => {
  let ran = false;
  const makeHand = (): Hand =>
    handOf(async (_, ask) => {
      await ask({ source, bytes: 1 });
      ran = true;
      return made;
    });
  const permit = (): void => {
    throw new TimmcError("config", "changed");
  };
  expect((await run([jobOf("a")], { makeHand, permit })).get("a")).toMatchObject({
    kind: "failed",
    error: { message: "changed" },
  });
  expect(ran).toBe(false);
});

it("a signal stops what runs and begins nothing more", async () => {
  const controller = new AbortController();
  const begun: string[] = [];
  const makeHand = (): Hand => {
    let stop = (): void => {};
    return {
      isWhole: true,
      perform: (job) => {
        begun.push(job.name);
        return new Promise((_, reject) => {
          stop = () => reject(new TimmcError("interrupted", "stopped"));
        });
      },
      stop: () => stop(),
      close: async () => {},
    };
  };
  const all = run(
    ["a", "b", "c", "d"].map((n) => jobOf(n)),
    { hands: 2, makeHand, signal: controller.signal },
  );
  await setImmediate();
  controller.abort();
  expect([...(await all)].map(([name]) => name)).toEqual(["a", "b"]);
  expect(begun).toEqual(["a", "b"]);
});
