import StreamIO
import SystemPackage

extension MergeTrace {
    /// Writes the trace. That it cannot be written is told and no more: the merge is done by then.
    func save(to path: FilePath, report: (String) -> Void) {
        do throws(IOError) {
            try write(to: path)
        } catch {
            report("the trace is not written: \(error) (the merged model is whole without it)")
        }
    }
}
