/** The few members of somebody else’s class that are called, in place of an object of it. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion, typescript/no-unnecessary-type-parameters -- the rest is never called
export const standIn = <T>(members: object): T => members as T;
