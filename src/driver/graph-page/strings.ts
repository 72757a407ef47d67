/** A table of distinct texts; equal texts share one place. */
export class Strings {
  readonly texts: string[] = [];
  private readonly places = new Map<string, number>();

  /** The place of a text, which is added where it is new. */
  place(text: string): number {
    const known = this.places.get(text);
    if (known !== undefined) return known;
    const place = this.texts.length;
    this.texts.push(text);
    this.places.set(text, place);
    return place;
  }
}
