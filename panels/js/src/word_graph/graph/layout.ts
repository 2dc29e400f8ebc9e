import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type Simulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from "d3-force";
import type { Memory, Remembered } from "./memory";

/** A word that the forces move; fx and fy are set where it must not move. */
export interface Body extends SimulationNodeDatum {
  word: string;
  r: number;
  x: number;
  y: number;
  pinned: boolean;
}

/** Draws two words together, more so the higher its strength (0..1). */
export interface Spring {
  a: string;
  b: string;
  strength: number;
}

interface Pull extends SimulationLinkDatum<Body> {
  strength: number;
}

const GOLDEN = Math.PI * (3 - Math.sqrt(5));
const COOLED = 0.02;

/**
 * Positions of words.
 *
 * Life cycle: made once per memory, given words by `update`, moved by `tick` until it returns
 * false. Words that have a remembered place stay there; only new ones look for theirs.
 */
export class Layout {
  bodies: Body[] = [];
  /** Grows whenever a word may have moved. */
  moves = 0;
  private readonly byWord = new Map<string, Body>();
  private readonly noted = new Map<string, Remembered>();
  private readonly simulation: Simulation<Body, Pull>;
  private readonly pulls = forceLink<Body, Pull>([]);
  private readonly charge = forceManyBody<Body>();
  private readonly sideways = forceX<Body>(0);
  private readonly upright = forceY<Body>(0);

  constructor(private readonly memory: Memory) {
    this.pulls
      .distance(
        (pull) => 34 + 90 * (1 - pull.strength) + ends(pull).reduce((sum, one) => sum + one.r, 0),
      )
      .strength((pull) => 0.04 + 0.45 * pull.strength);
    this.charge.theta(1).distanceMax(600);
    this.simulation = forceSimulation<Body, Pull>([])
      .force("pulls", this.pulls)
      .force("charge", this.charge)
      .force(
        "apart",
        forceCollide<Body>((one) => one.r + 7)
          .iterations(2)
          .strength(0.8),
      )
      .force("sideways", this.sideways)
      .force("upright", this.upright)
      .alphaDecay(0.035)
      .velocityDecay(0.35)
      .stop();
  }

  get(word: string): Body | undefined {
    return this.byWord.get(word);
  }

  /**
   * The words to place, the important ones first.
   *
   * @param aspect width of the panel over its height
   */
  update(
    words: readonly { word: string; r: number }[],
    springs: readonly Spring[],
    aspect = 1,
  ): void {
    this.remember();
    this.moves += 1;
    const before = new Map(this.byWord);
    this.byWord.clear();
    let fresh = 0;
    this.bodies = words.map(({ word, r }, index) => {
      const kept = before.get(word);
      const place = this.memory.words.get(word);
      const body: Body = kept ?? { word, r, x: 0, y: 0, pinned: place?.pinned ?? false };
      body.r = r;
      if (!kept && place) this.noted.set(word, place);
      if (!kept) Object.assign(body, place ? { x: place.x, y: place.y } : spiral(index, aspect));
      const held = body.pinned || kept !== undefined || place !== undefined;
      body.fx = held ? body.x : null;
      body.fy = held ? body.y : null;
      body.vx = body.vy = 0;
      if (!held) fresh += 1;
      this.byWord.set(word, body);
      return body;
    });
    this.placeBesideNeighbors(springs, before);
    const known = springs.filter((one) => this.byWord.has(one.a) && this.byWord.has(one.b));
    this.charge.strength(-160 - 6000 / (this.bodies.length + 10));
    this.sideways.strength(0.045 / Math.max(aspect, 0.4));
    this.upright.strength(0.045 * Math.min(aspect, 2.5));
    this.simulation.nodes(this.bodies);
    this.pulls.links(
      known.map((one) => ({
        source: this.byWord.get(one.a) as Body,
        target: this.byWord.get(one.b) as Body,
        strength: one.strength,
      })),
    );
    this.simulation.alpha(fresh ? 1 : 0);
  }

  /** Moves the words one step; false once they have come to rest. */
  tick(): boolean {
    if (!this.moving) return false;
    this.simulation.tick();
    this.moves += 1;
    if (this.moving) return true;
    for (const body of this.bodies) hold(body);
    return false;
  }

  get moving(): boolean {
    return this.simulation.alpha() > COOLED;
  }

  /** Pins a word to a place; the others stay where they are. */
  drag(word: string, x: number, y: number): void {
    const body = this.byWord.get(word);
    if (!body) return;
    this.moves += 1;
    body.x = body.fx = x;
    body.y = body.fy = y;
    body.pinned = true;
  }

  /** Lets a pinned word move again. */
  release(word: string): void {
    const body = this.byWord.get(word);
    if (!body) return;
    body.pinned = false;
    body.fx = body.fy = null;
    this.simulation.alpha(Math.max(this.simulation.alpha(), 0.3));
  }

  /** Lets all words but the pinned ones look for new places. */
  loosen(): void {
    for (const body of this.bodies) {
      if (!body.pinned) body.fx = body.fy = null;
    }
    this.simulation.alpha(1);
  }

  /** Notes where the words are, those that another layout of this memory moved excepted. */
  remember(): void {
    for (const { word, x, y, pinned } of this.bodies) {
      const noted = this.noted.get(word);
      if (noted && noted.x === x && noted.y === y && noted.pinned === pinned) continue;
      const now = { x, y, pinned };
      this.noted.set(word, now);
      this.memory.words.set(word, now);
    }
  }

  /** A new word starts beside the known word that draws it most. */
  private placeBesideNeighbors(springs: readonly Spring[], before: Map<string, Body>): void {
    const settled = (word: string) => before.has(word) || this.memory.words.has(word);
    const strongest = new Map<string, Spring>();
    for (const one of springs) {
      for (const [word, other] of [
        [one.a, one.b],
        [one.b, one.a],
      ]) {
        if (settled(word) || !settled(other) || !this.byWord.has(other)) continue;
        if ((strongest.get(word)?.strength ?? -1) < one.strength) strongest.set(word, one);
      }
    }
    let turn = 0;
    for (const [word, one] of strongest) {
      const body = this.byWord.get(word);
      const anchor = this.byWord.get(one.a === word ? one.b : one.a);
      if (!body || !anchor) continue;
      const angle = GOLDEN * turn++;
      body.x = anchor.x + Math.cos(angle) * (anchor.r + body.r + 30);
      body.y = anchor.y + Math.sin(angle) * (anchor.r + body.r + 30);
    }
  }
}

function hold(body: Body): void {
  body.fx = body.x;
  body.fy = body.y;
}

function ends(pull: Pull): Body[] {
  return [pull.source as Body, pull.target as Body];
}

/** A sunflower: the same start for the same words, the important ones in the middle. */
function spiral(index: number, aspect: number): { x: number; y: number } {
  const distance = 22 * Math.sqrt(index + 0.5);
  const angle = index * GOLDEN;
  return {
    x: distance * Math.cos(angle) * Math.sqrt(aspect),
    y: (distance * Math.sin(angle)) / Math.sqrt(aspect),
  };
}
