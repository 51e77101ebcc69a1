/**
 * What an object from the server holds under a name that somebody has chosen: `constructor` is a name like any other.
 * @template T
 * @param {Record<string, T>} object
 * @param {string} name
 * @returns {T | undefined}
 */
export const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);
