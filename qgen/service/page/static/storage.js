// The browser's storage, which may be refused or full: then nothing is kept.

/** @param storage "localStorage" or "sessionStorage"; naming it can be refused, too. */
export const stored = (storage, key) => {
  try {
    return window[storage].getItem(key);
  } catch {
    return null;
  }
};

/** @returns whether it is kept; where it is not, nor is what was there before it. */
export const storing = (storage, key, value) => {
  try {
    window[storage].setItem(key, value);
    return true;
  } catch {
    try {
      window[storage].removeItem(key);
    } catch {
      // There is none.
    }
    return false;
  }
};
