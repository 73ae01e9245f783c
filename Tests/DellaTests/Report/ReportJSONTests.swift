import StreamIO
import Testing

@testable import Della

/// `report.json` against the statistics that it was made of.
@Suite struct ReportJSONTests {
    private func expect(_ found: JSON?, _ expected: Double?, _ what: String) {
        let value = expected.flatMap { $0.isFinite ? $0 : nil }
        #expect(found != nil && found?.doubleValue == value && found?.isNull == (value == nil), "\(what)")
    }

    @Test(arguments: SyntheticReport.Family.allCases, [0, 1, 2, 5])
    func everyFigureIsThereInFullPrecision(family: SyntheticReport.Family, models: Int) throws {
        var made = SyntheticReport(layers: 4, models: models, family: family, seed: UInt64(models + 7))
        // Figures that JSON has no numbers for.
        made.change(where: { $0.contains(".2.") }) {
            $0.referenceSquares = .infinity
            if !$0.inputs.isEmpty { $0.inputs[0].squares = .nan }
            $0.changeSquares = .nan
            $0.outputPeak = .infinity
            ($0.outputNaNs, $0.outputInfinities) = (3, 4)
            $0.conflicts = nil
        }
        let json = try JSON(parsing: Array(made.json.utf8))
        #expect(json["schema"]?.intValue == 1 && json["method"]?.stringValue == "della_linear")
        #expect(json["models"]?.arrayValue?.compactMap(\.stringValue) == made.merge.models)
        let tensors = try #require(json["tensors"]?.arrayValue)
        try #require(tensors.count == made.tensors.count)
        for (found, tensor) in zip(tensors, made.tensors) {
            let all = tensor.statistics, name = tensor.name
            #expect(found["name"]?.stringValue == name)
            #expect(found["shape"]?.arrayValue?.compactMap(\.intValue) == tensor.shape)
            #expect(found["kind"]?.stringValue == TensorKind(tensorNamed: name).rawValue)
            #expect(found["elements"]?.countValue == all.elements)
            #expect(
                found["changed"]?.countValue == all.changed && found["nans"]?.countValue == all.outputNaNs)
            #expect(found["infinities"]?.countValue == all.outputInfinities)
            #expect(found["conflicts"]?.countValue == all.conflicts)
            expect(found["reference_squares"], all.referenceSquares, name)
            expect(found["reference_norm"], all.referenceNorm, name)
            expect(found["change_squares"], all.changeSquares, name)
            expect(found["relative_change"], all.relativeChange, name)
            expect(found["peak"], Double(all.outputPeak), name)
            #expect(found["products"]?.arrayValue?.map(\.doubleValue) == all.products.map(Optional.init))
            let inputs = try #require(found["inputs"]?.arrayValue)
            try #require(inputs.count == all.inputs.count)
            for (place, input) in all.inputs.enumerated() {
                let own = inputs[place]
                #expect(own["model"]?.intValue == input.model && own["equal"]?.countValue == input.equal)
                #expect(own["kept"]?.countValue == input.kept)
                expect(own["squares"], input.squares, name)
                expect(own["norm"], input.squares.squareRoot(), name)
                expect(own["magnitudes"], input.magnitudes, name)
                expect(own["factor"], input.factor, name)
                expect(own["relative_difference"], all.relativeDifference(place), name)
                let parameters = try #require(own["parameters"]?.objectValue)
                #expect(parameters.count == tensor.parameters[place].count)
                for parameter in tensor.parameters[place] {
                    expect(parameters[parameter.name], parameter.value, parameter.name)
                }
            }
        }
        let totals = try #require(json["totals"])
        #expect(totals["tensors"]?.intValue == made.tensors.count)
        #expect(totals["elements"]?.countValue == made.tensors.reduce(0) { $0 + $1.statistics.elements })
        expect(totals["relative_change"], made.report.whole.relativeChange, "totals")
        #expect(totals["inputs"]?.arrayValue?.count == models)
        #expect(totals["pairs"]?.arrayValue?.count == max(0, models * (models - 1) / 2))
    }

    @Test func aComparisonHasNoFiguresOfAnOutput() throws {
        let json = try JSON(parsing: Array(SyntheticReport(layers: 2, method: nil).json.utf8))
        #expect(json["method"]?.isNull == true)
        for part in (json["tensors"]?.arrayValue ?? []) + [try #require(json["totals"])] {
            for key in ["change_squares", "relative_change", "changed", "peak", "nans", "infinities"] {
                #expect(part[key]?.isNull == true, "\(key)")
            }
        }
    }

    @Test func aReportWithoutTensorsIsJSON() throws {
        var made = SyntheticReport()
        made.tensors = []
        let json = try JSON(parsing: Array(made.json.utf8))
        #expect(json["tensors"]?.arrayValue?.isEmpty == true && json["totals"]?["tensors"]?.intValue == 0)
    }
}
