@testable import Della

extension VocabularyRows {
    /// The rows that a map makes of models' rows.
    func expanded(_ models: [[[Float]]], width: Int) -> [[Float]] {
        var output: [[Float]] = []
        for run in runs {
            switch run.source {
            case .rows(let model, let first): output += models[model][first..<first + run.count]
            case .zero:
                output += Array(repeating: Array(repeating: 0, count: width), count: run.count)
            case .mean(let places):
                output.append(
                    (0..<width).map { column in
                        places.reduce(Float(0)) { $0 + models[$1.model][$1.row][column] }
                            / Float(places.count)
                    })
            case .padding:
                let rows = output[..<run.start]
                let mean = (0..<width).map { column in
                    Float(rows.reduce(0.0) { $0 + Double($1[column]) } / Double(rows.count))
                }
                output += Array(repeating: mean, count: run.count)
            }
        }
        return output
    }
}

extension OutputVocabulary {
    /// The rows of one model.
    func expanded(_ model: Int, _ models: [[[Float]]], width: Int) -> [[Float]] {
        maps[model]?.expanded(models, width: width) ?? models[model]
    }
}
