import { beforeEach, expect, it } from 'vitest';
import { Activity } from '../../../agent/paths/activity.ts';
import { TRAFFIC_TIME, WANTED_TIME } from '../../../agent/paths/constants.ts';

let begun: number[];
let activity: Activity;

beforeEach(() => {
  begun = [];
  activity = new Activity((now) => {
    expect(activity.isOn(now)).toBe(false);
    begun.push(now);
  });
});

it('begins with the first packet, lasts while there are more, and begins anew after a pause', () => {
  expect([activity.isOn(0), activity.isOwn(0)]).toEqual([false, false]);
  expect([activity.traffic(100), activity.traffic(200)]).toEqual([true, false]);
  expect([activity.since, activity.until, begun]).toEqual([100, 200 + TRAFFIC_TIME, [100]]);
  expect([activity.isOn(199 + TRAFFIC_TIME), activity.isOn(200 + TRAFFIC_TIME)]).toEqual([true, false]);
  const later = 201 + TRAFFIC_TIME;
  expect([activity.traffic(later), activity.since, begun]).toEqual([true, later, [100, later]]);
});

it("is on for the peer's packets as well, which are not its own", () => {
  activity.wanted(100);
  expect([activity.isOn(100), activity.isOwn(100), activity.until]).toEqual([true, false, 100 + WANTED_TIME]);
  expect(activity.traffic(101)).toBe(true);
  expect([activity.isOwn(101), begun]).toEqual([true, [100]]);
});

it('is never shortened by a wish that ends sooner', () => {
  activity.traffic(100);
  const { until } = activity;
  activity.wanted(100);
  expect(activity.until).toBe(Math.max(until, 100 + WANTED_TIME));
});
