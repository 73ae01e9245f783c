/// The layers of a report's tensors. Takes no more than `bandLimit` bands: of a model with more layers, neighbours are put
/// together, as many as it needs.
struct ReportLayers: Sendable {
    /// Stacks of layers that are told apart, those of a vision tower, say. Tensors of further ones count as outside.
    static let stackLimit = 4
    /// Bands of all stacks together.
    static let bandLimit = 512

    /// The names up to the layer's number, in the order that they were met in.
    private(set) var stacks: [String] = []
    /// Layers a band.
    private(set) var width = 1
    /// By stack, then by the layer's number divided by the width.
    private var bands: [[Int: ReportBand]] = []
    private var count = 0

    /// The band of a tensor, which is made where there is none; `nil` of tensors outside of layers.
    mutating func withBand(of name: String, _ body: (inout ReportBand) -> Void) -> Bool {
        guard let position = LayerPosition(name) else { return false }
        let stack = stacks.firstIndex(of: position.stack) ?? stacks.count
        guard stack < Self.stackLimit else { return false }
        if stack == stacks.count {
            stacks.append(position.stack)
            bands.append([:])
        }
        // Taken out, so that its arrays are changed in place.
        let known = bands[stack].removeValue(forKey: position.layer / width)
        count += known == nil ? 1 : 0
        var band = known ?? ReportBand(stack: stack, layer: position.layer)
        band.cover(position.layer)
        body(&band)
        bands[stack][position.layer / width] = band
        while count > Self.bandLimit { widen() }
        return true
    }

    /// Puts each two bands together.
    private mutating func widen() {
        width *= 2
        count = 0
        for stack in bands.indices {
            var wider: [Int: ReportBand] = [:]
            // In order, so that sums of Doubles do not depend on a dictionary's.
            for (number, band) in bands[stack].sorted(by: { $0.key < $1.key }) {
                if wider[number / 2] == nil { wider[number / 2] = band } else { wider[number / 2]?.add(band) }
            }
            bands[stack] = wider
            count += wider.count
        }
    }

    /// By stack and layer.
    var ordered: [ReportBand] {
        bands.flatMap { $0.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Which of them a tensor's place is: `layer 7`, or with the stack's name where there are several.
    func label(_ band: ReportBand) -> String {
        let layers = Self.text(band.layers)
        let word = band.layers.count > 1 ? "layers" : "layer"
        return stacks.count > 1 ? "\(word) \(layers) of \(stackName(band.stack))" : "\(word) \(layers)"
    }

    /// A stack's name as a person reads it, without the point at its end.
    func stackName(_ stack: Int) -> String { String(stacks[stack].dropLast()).printable(atMost: 48) }

    /// `7` or `7–9`.
    static func text(_ layers: ClosedRange<Int>) -> String {
        layers.count == 1 ? "\(layers.lowerBound)" : "\(layers.lowerBound)–\(layers.upperBound)"
    }

    /// Bands in words, those that follow one another together: `layers 0–3, 7`.
    func list(_ chosen: [ReportBand]) -> String {
        var parts: [String] = []
        for stack in stacks.indices {
            var runs: [ClosedRange<Int>] = []
            for band in chosen where band.stack == stack {
                if let last = runs.last, last.upperBound + 1 == band.layers.lowerBound {
                    runs[runs.count - 1] = last.lowerBound...band.layers.upperBound
                } else {
                    runs.append(band.layers)
                }
            }
            guard !runs.isEmpty else { continue }
            let isOne = runs.count == 1 && runs[0].count == 1
            let shown = runs.prefix(12).map(Self.text).joined(separator: ", ")
            let more = runs.count > 12 ? " and \(runs.count - 12) more stretches" : ""
            let name = stacks.count > 1 ? " of \(stackName(stack))" : ""
            parts.append("\(isOne ? "layer" : "layers") \(shown)\(more)\(name)")
        }
        return parts.joined(separator: "; ")
    }
}
