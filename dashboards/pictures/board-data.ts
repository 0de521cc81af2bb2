// SPDX-License-Identifier: Apache-2.0
// Input of the page of a picture: the dashboard's JSON, and the answers of a Prometheus.

export interface TargetAnswer {
  readonly refId: string;
  readonly legend: string;
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>;
    /** [seconds, value] */
    readonly points: readonly (readonly [number, number])[];
  }[];
}

/** A time in which a finding was active, in seconds since 1970. */
export interface Mark {
  readonly color: string;
  readonly from: number;
  readonly to: number;
}

export interface BoardData {
  /** The dashboard's JSON, as in dashboards/json. */
  readonly dashboard: unknown;
  /** The answers to each panel, in the dashboard's order; a row has none. */
  readonly answers: readonly (readonly TargetAnswer[])[];
  /** Values of the dashboard's variables. */
  readonly choices: Readonly<Record<string, string>>;
  readonly marks: readonly Mark[];
  /** The time that is shown, in seconds since 1970. */
  readonly span: { readonly from: number; readonly to: number };
}

/** Result of drawing. */
export interface Drawn {
  readonly height: number;
  /** Panels without data that do not say why (noValue in the JSON), by their titles. */
  readonly unexplained: readonly string[];
  /** Panels that have data and show nothing: an error of the page. */
  readonly blank: readonly string[];
}
