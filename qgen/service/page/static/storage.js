// The browser's storage, which may be refused or full: then nothing is kept.

/** @param storage "localStorage" or "sessionStorage"; naming it can be refused, too. */
export const stored = (storage, key) => {
  try {
    return window[storage].getItem(key);
  } catch {
    return null;
  }
};

/** @returns whether it is kept. */
export const storing = (storage, key, value) => {
  try {
    window[storage].setItem(key, value);
    return true;
  } catch {
    return false;
  }
};

export const removing = (storage, key) => {
  try {
    window[storage].removeItem(key);
  } catch {
    // There is none.
  }
};
