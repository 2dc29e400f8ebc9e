/** Loads images once, at the size they are shown at: photographs are large, cards are small. */
import { useEffect, useState } from "react";

const LONGEST = 720;
const KEPT = 120;

export interface Picture {
  canvas: HTMLCanvasElement;
  aspect: number;
}

const pictures = new Map<string, Promise<Picture>>();

/** An image, made small; the same address is loaded once. */
export function loadPicture(src: string): Promise<Picture> {
  const known = pictures.get(src);
  if (known) {
    pictures.delete(src);
    pictures.set(src, known);
    return known;
  }
  const loading = decode(src).then((image) => {
    const scale = Math.min(1, LONGEST / Math.max(image.naturalWidth, image.naturalHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    const context = canvas.getContext("2d");
    if (context) {
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
    }
    return { canvas, aspect: canvas.width / canvas.height };
  });
  loading.catch(() => pictures.delete(src));
  pictures.set(src, loading);
  if (pictures.size > KEPT) pictures.delete(pictures.keys().next().value as string);
  return loading;
}

async function decode(src: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = src;
  await image.decode();
  return image;
}

export interface Loaded<Value> {
  value: Value | null;
  failed: boolean;
}

/** The image of an address, once it is there. */
export function usePicture(src: string): Loaded<Picture> {
  return useLoaded(src, loadPicture);
}

/** The mask of a card as an image that is transparent outside of the segment. */
export function useMask(base64: string | null): Loaded<HTMLImageElement> {
  return useLoaded(base64 && `data:image/png;base64,${base64}`, decode);
}

function useLoaded<Value>(
  address: string | null,
  load: (address: string) => Promise<Value>,
): Loaded<Value> {
  const [loaded, setLoaded] = useState<Loaded<Value> & { address: string | null }>({
    value: null,
    failed: false,
    address: null,
  });
  useEffect(() => {
    let wanted = true;
    if (address === null) {
      setLoaded({ value: null, failed: false, address });
      return undefined;
    }
    load(address).then(
      (value) => wanted && setLoaded({ value, failed: false, address }),
      () => wanted && setLoaded({ value: null, failed: true, address }),
    );
    return () => {
      wanted = false;
    };
  }, [address, load]);
  // An older picture is not shown under a newer address.
  return loaded.address === address ? loaded : { value: null, failed: false };
}
