/** Sets of rules, each rule once per family: bit 2r is rule r over IPv4, 2r + 1 over IPv6. */
export type RuleBits = Uint32Array;

export function emptyBits(rules: number): RuleBits {
  return new Uint32Array((rules * 2 + 31) >> 5);
}

export function setBit(bits: RuleBits, bit: number): void {
  bits[bit >> 5] = (bits[bit >> 5] as number) | (1 << (bit & 31));
}

export function addBits(bits: RuleBits, more: RuleBits): void {
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] as number) | (more[i] as number);
}

export function shareBits(a: RuleBits, b: RuleBits): boolean {
  for (let i = 0; i < a.length; i++) if (((a[i] as number) & (b[i] as number)) !== 0) return true;
  return false;
}

export function isEmpty(bits: RuleBits): boolean {
  return bits.every((word) => word === 0);
}

/** Whether a rule is in the set, over either family. */
export function hasRule(bits: RuleBits, rule: number): boolean {
  return ((bits[rule >> 4] as number) & (3 << ((rule & 15) * 2))) !== 0;
}

/** Rules in the set, over either family, in order. */
export function rulesIn(bits: RuleBits): number[] {
  const rules: number[] = [];
  for (let word = 0; word < bits.length; word++) {
    if (bits[word] === 0) continue;
    for (let rule = word * 16; rule < word * 16 + 16; rule++) if (hasRule(bits, rule)) rules.push(rule);
  }
  return rules;
}
