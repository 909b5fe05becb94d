/** Users and groups of the local tenant. */

export type GraphUser = { id: string; address: string; displayName?: string | undefined };
export type GraphGroup = { id: string; members: string[] };

export class Directory {
  readonly #users = new Map<string, GraphUser>();
  readonly #addresses = new Map<string, GraphUser>();
  readonly #groups = new Map<string, GraphGroup>();

  get users(): GraphUser[] {
    return [...this.#users.values()];
  }

  /** Adds a user, or replaces the one with the same id. */
  addUser(user: GraphUser): void {
    this.removeUser(user.id);
    this.#users.set(user.id.toLowerCase(), user);
    this.#addresses.set(user.address.toLowerCase(), user);
  }

  removeUser(idOrAddress: string): GraphUser | undefined {
    const user = this.findUser(idOrAddress);
    if (user === undefined) return undefined;
    this.#users.delete(user.id.toLowerCase());
    this.#addresses.delete(user.address.toLowerCase());
    return user;
  }

  /** A user by object id or address, in any letter case; `AAD-UPN:` before an address is taken off. */
  findUser(idOrAddress: string): GraphUser | undefined {
    const key = idOrAddress.toLowerCase().replace(/^aad-upn:/, '');
    return this.#users.get(key) ?? this.#addresses.get(key);
  }

  setGroup(group: GraphGroup): void {
    this.#groups.set(group.id.toLowerCase(), group);
  }

  removeGroup(id: string): void {
    this.#groups.delete(id.toLowerCase());
  }

  findGroup(id: string): GraphGroup | undefined {
    return this.#groups.get(id.toLowerCase());
  }

  clear(): void {
    this.#users.clear();
    this.#addresses.clear();
    this.#groups.clear();
  }
}
