import Foundation
import StreamIO
import SystemPackage

@testable import MergeReference

extension CaseRun {
    /// Compares every figure of the report with what the reference computes of the models and of what was written.
    func checkReport(_ files: [[TensorFile.Tensor]]) throws {
        let text = try FileSystem.readWhole(output / "report.json", limit: 1 << 28)
        let report = try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any] ?? [:]
        let entries = report["tensors"] as? [[String: Any]] ?? []
        let byName = Dictionary(
            entries.map { ($0["name"] as? String ?? "", $0) }, uniquingKeysWith: { first, _ in first })
        let named = (report["models"] as? [String] ?? []).map { name in
            made.models.firstIndex { name == $0.reference } ?? -1
        }
        for (file, tensors) in zip(CheckpointFolder.fileNames(files.count), files) {
            let written = try TensorFile(reading: (output / file).string)
            for tensor in tensors where tensor.count > 0 {
                guard let entry = byName[tensor.name] else {
                    throw Failure(kind: "not in the report", detail: tensor.name)
                }
                let found = written.tensors.first { $0.name == tensor.name }!
                guard let figures = tensor.figures else {
                    if let problem = ReferenceFigures.problem(withCopy: entry, of: found) {
                        throw Failure(kind: "wrong figures of a copy", detail: "\(tensor.name): \(problem)")
                    }
                    continue
                }
                if let problem = figures.problem(with: entry, models: named, output: found.values) {
                    throw Failure(
                        kind: "wrong figures",
                        detail: "\(tensor.name), \(tensor.type.rawValue) \(tensor.shape): \(problem)")
                }
            }
        }
    }
}
