/** Storage that takes nothing, is forbidden, or is emptied under the page. */

/**
 * The disk is full: writes into IndexedDB end with QuotaExceededError, and `navigator.storage` says that nothing is left.
 * @param {{ after?: number }} [given] how many writes go well before
 * @returns {() => void}
 */
export function storageFull({ after = 0 } = {}) {
  const real = { put: IDBObjectStore.prototype.put, add: IDBObjectStore.prototype.add };
  let writes = 0;
  /** @type {(name: "put" | "add") => (this: IDBObjectStore, value: any, key?: IDBValidKey) => IDBRequest<IDBValidKey>} */
  const full = (name) =>
    function (value, ...key) {
      const request = real[name].call(this, value, ...key);
      writes += 1;
      if (writes <= after) return request;
      const error = new DOMException("The quota has been exceeded.", "QuotaExceededError");
      Object.defineProperty(this.transaction, "error", { value: error, configurable: true });
      queueMicrotask(() => {
        try {
          this.transaction.abort();
        } catch {
          // an earlier write of the same transaction has ended it
        }
      });
      return request;
    };
  Object.assign(IDBObjectStore.prototype, { put: full("put"), add: full("add") });
  navigator.storage.estimate = async () => ({ usage: 1e9, quota: 1e9 });
  return () => {
    Object.assign(IDBObjectStore.prototype, real);
    delete (/** @type {any} */ (navigator.storage).estimate);
  };
}

/**
 * The browser keeps no data of this site: IndexedDB, localStorage, sessionStorage and locks are refused.
 * @returns {() => void}
 */
export function storageBlocked() {
  const no = () => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  const open = IDBFactory.prototype.open;
  IDBFactory.prototype.open = no;
  const areas = /** @type {const} */ (["localStorage", "sessionStorage"]).map((name) => {
    const own = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(globalThis, name));
    Object.defineProperty(globalThis, name, { get: no, configurable: true });
    return () => Object.defineProperty(globalThis, name, own);
  });
  const { locks, storage } = navigator;
  const refused = async () => no();
  locks.request = /** @type {any} */ (refused);
  Object.assign(storage, { persist: async () => false, persisted: async () => false, estimate: refused });
  return () => {
    IDBFactory.prototype.open = open;
    for (const giveBack of areas) giveBack();
    delete (/** @type {any} */ (locks).request);
    for (const name of ["persist", "persisted", "estimate"]) delete (/** @type {any} */ (storage)[name]);
  };
}

/**
 * The site's data is deleted while the page is open.
 * @param {{ name?: string }} [given] the database
 * @returns {Promise<void>}
 */
export function storageCleared({ name = "viva-voce" } = {}) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}
