//! Which colours the maps of a sheet have, and what their ends stand for.

use super::colour::Colours;
use super::fit::resampled;
use super::layout::Layout;
use super::sheet::{Map, Row, Scale, Sheet, SheetError};

/// How the values of one map become colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shade {
    pub(super) colours: Colours,
    /// What the strongest colour stands for; 0 if there is no relevance at all.
    pub(super) largest: f32,
    /// Whether there is less than the lowest, or more than the highest colour stands for.
    pub(super) beyond: [bool; 2],
}

/// The shades of all maps, by row and map.
pub(super) struct Shades(Vec<Vec<Shade>>);

/// The lowest and the highest value that is drawn of a map.
type Extremes = (f32, f32);

impl Shades {
    pub(super) fn of(sheet: &Sheet, layout: &Layout) -> Result<Self, SheetError> {
        if let Scale::Fixed(largest) = sheet.scale
            && !(largest > 0.0 && largest.is_finite())
        {
            return Err(SheetError::Scale(largest));
        }
        let extremes = extremes(sheet, layout)?;
        let colours: Vec<Colours> = (0..layout.columns.len())
            .map(|column| {
                let of_column = extremes.iter().filter_map(|row| row.get(column)).copied();
                let (lowest, highest) = of_column.fold((0.0_f32, 0.0_f32), widened);
                Colours::for_range(lowest, highest)
            })
            .collect();
        let all = extremes.iter().flatten().copied().fold((0.0, 0.0), widened);
        let shade = |(colours, of_map): (&Colours, &Extremes)| {
            let largest = match sheet.scale {
                Scale::PerMap => amount(*of_map),
                Scale::Shared => amount(all),
                Scale::Fixed(largest) => largest,
            };
            Shade { colours: *colours, largest, beyond: [of_map.0 < -largest, of_map.1 > largest] }
        };
        Ok(Self(extremes.iter().map(|row| colours.iter().zip(row).map(shade).collect()).collect()))
    }

    pub(super) fn row(&self, row: usize) -> &[Shade] {
        self.0.get(row).map_or(&[], Vec::as_slice)
    }
}

/// The values of a map at the size of its panel.
pub(super) fn drawn(map: &Map, panel: (usize, usize)) -> Vec<f32> {
    resampled(|place| map.relevance[place], (map.width, map.height), panel)
}

fn extremes(sheet: &Sheet, layout: &Layout) -> Result<Vec<Vec<Extremes>>, SheetError> {
    let of_map = |row: usize, column: usize, map: &Map| {
        if let Some(place) = map.relevance.iter().position(|value| !value.is_finite()) {
            let (column_of, row_of) = (place % map.width, place / map.width);
            let (place, value) = (sheet.place(row, Some(column)), map.relevance[place]);
            return Err(SheetError::NotFinite { place, column: column_of, row: row_of, value });
        }
        let values = drawn(map, layout.rows[row].panel);
        Ok(values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lowest, highest), value| {
            (lowest.min(*value), highest.max(*value))
        }))
    };
    let of_row = |(row, Row { maps, .. }): (usize, &Row)| {
        maps.iter().enumerate().map(|(column, map)| of_map(row, column, map)).collect()
    };
    sheet.rows.iter().enumerate().map(of_row).collect()
}

fn widened(one: Extremes, other: Extremes) -> Extremes {
    (one.0.min(other.0), one.1.max(other.1))
}

fn amount((lowest, highest): Extremes) -> f32 {
    lowest.abs().max(highest.abs())
}
