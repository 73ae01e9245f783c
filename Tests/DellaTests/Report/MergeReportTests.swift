import Testing

@testable import Della
@testable import MergeReference

/// Groups of tensors against sums that are taken here, one figure at a time.
@Suite struct MergeReportTests {
    /// What is summed for one layer and kind, by model.
    private struct Plain {
        var reference = 0.0, change = 0.0
        var referenceOf: [Int: Double] = [:], squares: [Int: Double] = [:]
        var kept: [Int: Double] = [:], keptOf: [Int: Double] = [:]
        var weight: [Int: Double] = [:], weightOf: [Int: Double] = [:]
        var products: [String: (Double, Double, Double)] = [:]

        mutating func add(_ tensor: ReportedTensor) {
            let all = tensor.statistics
            reference += all.referenceSquares
            change += all.changeSquares
            var place = 0
            for (number, input) in all.inputs.enumerated() {
                referenceOf[input.model, default: 0] += all.referenceSquares
                squares[input.model, default: 0] += input.squares
                if let kept = input.kept {
                    self.kept[input.model, default: 0] += Double(kept)
                    keptOf[input.model, default: 0] += Double(all.elements)
                }
                for parameter in tensor.parameters[number] where parameter.name == "weight" {
                    weight[input.model, default: 0] += parameter.value * Double(all.elements)
                    weightOf[input.model, default: 0] += Double(all.elements)
                }
                for other in all.inputs[(number + 1)...] {
                    let key = "\(min(input.model, other.model)) \(max(input.model, other.model))"
                    let old = products[key] ?? (0, 0, 0)
                    products[key] = (
                        old.0 + all.products[place], old.1 + input.squares, old.2 + other.squares
                    )
                    place += 1
                }
            }
        }
    }

    private func expectEqual(_ found: Double?, _ expected: Double?, _ what: String) {
        guard let found, let expected else {
            #expect(found == nil && expected == nil, "\(what)")
            return
        }
        #expect(
            abs(found - expected) <= 1e-12 * max(abs(expected), 1e-30), "\(what): \(found), not \(expected)")
    }

    /// A report of any shape: models that lack tensors, in any order, copied tensors, zeros.
    private static func random(_ seed: UInt64) -> SyntheticReport {
        var random = SeededRandom(seed: seed)
        var made = SyntheticReport(
            layers: Int.random(in: 1...40, using: &random), models: Int.random(in: 0...6, using: &random),
            family: SyntheticReport.Family.allCases.randomElement(using: &random) ?? .llama, seed: seed)
        for index in made.tensors.indices {
            if Int.random(in: 0..<12, using: &random) == 0 {
                made.tensors[index].statistics = TensorStatistics()
                made.tensors[index].parameters = []
            } else if let drop = made.tensors[index].statistics.inputs.indices.randomElement(using: &random),
                Int.random(in: 0..<4, using: &random) == 0
            {
                made.drop(drop, at: index)
            }
        }
        made.tensors.shuffle(using: &random)
        return made
    }

    private func compare(_ figures: GroupFigures, _ plain: Plain, _ slots: [Int], _ what: String) {
        expectEqual(
            figures.relativeChange,
            plain.reference > 0 ? (plain.change / plain.reference).squareRoot() : nil, what)
        for (slot, model) in slots.enumerated() {
            let reference = plain.referenceOf[model] ?? 0
            expectEqual(
                figures.relativeDifference(slot),
                reference > 0 ? ((plain.squares[model] ?? 0) / reference).squareRoot() : nil,
                "\(what), \(model)")
            expectEqual(
                figures.model(slot)?.keptShare, plain.keptOf[model].map { (plain.kept[model] ?? 0) / $0 },
                "\(what), kept of \(model)")
        }
    }

    @Test(arguments: 1...30) func groupsAreSumsOfTheirTensors(seed: UInt64) {
        let made = Self.random(seed)
        let report = made.report
        var cells: [String: Plain] = [:], layers: [String: Plain] = [:], whole = Plain()
        for tensor in made.tensors {
            let kind = TensorKind(tensorNamed: tensor.name)
            let place = LayerPosition(tensor.name).map { "\($0.stack)\($0.layer)" } ?? "outside"
            cells["\(place) \(kind)", default: Plain()].add(tensor)
            layers[place, default: Plain()].add(tensor)
            whole.add(tensor)
        }
        var seen = 0
        for band in report.layers.ordered + [report.outside] where band.all.tensors > 0 {
            let isOutside = band == report.outside
            let place = isOutside ? "outside" : "\(report.layers.stacks[band.stack])\(band.layers.lowerBound)"
            let plain = layers[place] ?? Plain()
            compare(band.all, plain, report.slots, place)
            for (i, first) in report.slots.enumerated() {
                for (j, second) in report.slots.enumerated() where i < j {
                    let sums = plain.products["\(min(first, second)) \(max(first, second))"]
                    expectEqual(
                        band.all.cosine(i, j), sums.map { $0.0 / ($0.1.squareRoot() * $0.2.squareRoot()) },
                        "\(place), cosine of \(first) and \(second)")
                }
                let number = report.parameterNames.firstIndex(of: "weight")
                expectEqual(
                    number.flatMap { band.parameter($0, i)?.mean },
                    plain.weightOf[first].map { (plain.weight[first] ?? 0) / $0 },
                    "\(place), weight of \(first)")
            }
            for kind in TensorKind.allCases {
                guard let figures = band[kind] else {
                    #expect(cells["\(place) \(kind)"] == nil)
                    continue
                }
                seen += figures.tensors
                compare(figures, cells["\(place) \(kind)"] ?? Plain(), report.slots, "\(place) \(kind)")
            }
        }
        #expect(seen == made.tensors.count, "no tensor is lost")
        #expect(report.whole.tensors == made.tensors.count)
        compare(report.whole, whole, Array(0..<7), "whole")
        #expect(report.rows.count == made.tensors.count)
    }

    @Test func expertsAreSummedOverLayers() {
        let made = SyntheticReport(layers: 5, family: .mixture, experts: 6)
        let report = made.report
        #expect(report.experts.count == 6)
        for expert in 0..<6 {
            let own = made.tensors.filter { $0.name.contains(".experts.\(expert).") }
            #expect(own.count == 15)
            let squares = own.reduce(0) { $0 + $1.statistics.inputs[1].squares }
            let reference = own.reduce(0) { $0 + $1.statistics.referenceSquares }
            expectEqual(
                report.experts[expert]?.relativeDifference(1), (squares / reference).squareRoot(),
                "expert \(expert)")
        }
    }

    @Test func aReportOfVeryManyLayersTensorsAndModelsStaysSmall() {
        var report = MergeReport(SyntheticReport(models: 40).merge)
        let tensor = SyntheticReport(layers: 1, models: 40).tensors[1]
        for layer in 0..<3000 {
            for stack in ["model.layers", "vision.blocks"] {
                var copy = tensor
                copy.name = "\(stack).\(layer).self_attn.q_proj.weight"
                report.add(copy)
            }
        }
        let bands = report.layers.ordered
        #expect(bands.count <= ReportLayers.bandLimit && bands.count > ReportLayers.bandLimit / 4)
        #expect(bands.reduce(0) { $0 + $1.all.tensors } == 6000)
        for stack in 0..<2 {
            // Each layer is in one band, in order.
            let own = bands.filter { $0.stack == stack }
            #expect(own.first?.layers.lowerBound == 0 && own.last?.layers.upperBound == 2999)
            for (left, right) in zip(own, own.dropFirst()) {
                #expect(left.layers.upperBound + 1 == right.layers.lowerBound)
            }
        }
        #expect(report.slots.count == MergeReport.slotLimit && report.whole.models.count == 41)
        #expect(report.tensorRows == nil && report.rows.count == bands.count)
        #expect(report.html.utf8.count < 2_000_000)
        for stack in 0..<9 {
            var copy = tensor
            copy.name = "stack\(stack).layers.0.mlp.up_proj.weight"
            report.add(copy)
        }
        #expect(report.layers.stacks.count == ReportLayers.stackLimit && report.outside.all.tensors == 7)
    }

    @Test func valuesThatAreNotFiniteSpoilNoSum() {
        var made = SyntheticReport()
        let before = made.report.whole.relativeDifference(1) ?? 0
        made.change(where: { $0 == "model.norm.weight" }) {
            $0.referenceSquares = .nan
            $0.inputs[0].squares = .infinity
            $0.inputs[0].magnitudes = .nan
            $0.inputs[0].factor = .nan
            $0.changeSquares = .infinity
            $0.products = [.nan]
        }
        let whole = made.report.whole
        #expect(abs((whole.relativeDifference(1) ?? 0) - before) < 1e-4 * before)
        #expect(whole.relativeChange?.isFinite == true && whole.models[1].factor.mean?.isFinite == true)
        #expect(whole.cosine(1, 2)?.isFinite == true)
        #expect(!made.report.html.contains("nan") && !made.report.svg.contains("inf"))
    }

    @Test func threeLinesSayHowFarByWhichAndWhere() {
        let lines = SyntheticReport().report.summaryLines
        #expect(lines.count == 3)
        #expect(
            lines[0].hasPrefix("changed   ")
                && lines[0].contains(" % from Org/Base-12B, 70 % of the elements"))
        #expect(lines[1].hasPrefix("models    Org/Tune-2-12B ") && lines[1].contains(", Org/Tune-1-12B "))
        #expect(lines[2].hasPrefix("most      ") && lines[2].contains(" of layer 11, "))
        let compared = SyntheticReport(method: nil).report.summaryLines
        #expect(compared[0] == "compared  111 tensors of 2 models with Org/Base-12B")
        #expect(compared[2].contains(" of layer 11 in Org/Tune-2-12B, "))
        let empty = MergeReport(SyntheticReport().merge).summaryLines
        #expect(
            empty == [
                "changed   nothing was measured", "models    none beside Org/Base-12B",
                "most      no difference anywhere",
            ])
    }
}

extension SyntheticReport {
    /// Takes a model out of a tensor.
    mutating func drop(_ input: Int, at index: Int) {
        let count = tensors[index].statistics.inputs.count
        var products: [Double] = [], place = 0
        for i in 0..<count {
            for j in (i + 1)..<max(count, i + 1) {
                if i != input, j != input { products.append(tensors[index].statistics.products[place]) }
                place += 1
            }
        }
        tensors[index].statistics.products = products
        tensors[index].statistics.inputs.remove(at: input)
        tensors[index].parameters.remove(at: input)
    }
}
