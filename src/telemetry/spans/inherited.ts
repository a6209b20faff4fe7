/**
 * A copy that also answers for what the original does not have of its own: getters of a class, what `Object.create` brought. A
 * plain object has nothing but its own.
 */
export function withInherited<T extends object>(copy: T, original: unknown): T {
  if (typeof original !== "object" || original === null) return copy;
  const prototype = Object.getPrototypeOf(original);
  if (prototype === Object.prototype || prototype === null) return copy;
  // A getter is called on the original, as one that reads a private field can be called on nothing else.
  return Object.setPrototypeOf(copy, new Proxy(original, { get: (target, name) => Reflect.get(target, name) }));
}
