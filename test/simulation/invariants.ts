import { coverage } from './coverage.ts';
import { delivery } from './delivery.ts';
import { convergence, silence } from './convergence.ts';
import type { Breach, Evidence } from './evidence.ts';
import { references } from './references.ts';

/** Checks what must hold once faults have stopped and two reconcile intervals have passed. */
export function findBreaches(evidence: Evidence): Breach[] {
  if (evidence.isExhausted)
    return [{ rule: 'bounds', what: 'the app goes round in circles: the history has no end', about: [' takes ring '] }];
  return [
    ...delivery(evidence),
    ...references(evidence),
    ...coverage(evidence),
    ...convergence(evidence),
    ...silence(evidence),
    ...evidence.broken.map((what) => {
      const [rule = '', ...rest] = what.split(': ');
      return {
        rule,
        what: rest.join(': '),
        about: what.match(/0\d111111[\w-]*|p\d+\.\d+|AAkALg-\d+|aakalg-\d+/g) ?? [],
      };
    }),
  ];
}
