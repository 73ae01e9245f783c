/// The style and the script of a report's page.
enum PageStyle {
    /// Okabe and Ito's colours, which colour-blind people tell apart; two of them darker on white than theirs, and yellow for
    /// blue on black. Every line has dashes of its own too. `l6` and on begin again, with a thinner stroke.
    private static let light = ["#0072b2", "#d55e00", "#009e73", "#b3579a", "#c98a00", "#3a9bd9"]
    private static let dark = ["#f0e442", "#e8762c", "#1fc79a", "#dd93bd", "#e69f00", "#56b4e9"]
    private static let dashes = ["none", "8 3", "2 3", "9 3 2 3", "5 2", "12 3 2 3 2 3"]

    private static func lines(_ colours: [String]) -> String {
        (0..<MergeReport.slotLimit).map { slot in
            ".l\(slot){stroke:\(colours[slot % colours.count])}.r.l\(slot){fill:\(colours[slot % colours.count])}"
        }.joined()
    }

    private static var dashing: String {
        (0..<MergeReport.slotLimit).map { slot in
            ".l\(slot){stroke-dasharray:\(dashes[slot % dashes.count])"
                + (slot < dashes.count ? "}" : ";stroke-width:1.2}")
        }.joined()
    }

    /// What the page looks like.
    static let css: String =
        """
        :root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--line:#d0d7de;--ground:#fff;--panel:#f5f7f9;--bar:#9cc3e0}
        *{box-sizing:border-box}
        body{margin:0;font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);background:var(--ground)}
        main{max-width:1600px;margin:0 auto;padding:1.2rem clamp(.8rem,3vw,2.5rem) 3rem;overflow-wrap:anywhere}
        h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0 .4rem}
        h2{font-size:1.2rem;margin:2.2rem 0 .4rem;padding-top:.8rem;border-top:1px solid var(--line)}
        h3{font-size:1rem;margin:1.2rem 0 .3rem}
        p{max-width:75ch;margin:.3rem 0 .8rem}
        .soft,footer{color:var(--soft)}
        .facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,165px),1fr));gap:.6rem;margin:1rem 0;padding:0;list-style:none}
        .facts li{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:.6rem .8rem}
        .facts span{display:block;font-size:.82rem;color:var(--soft)}
        .facts strong{font-size:1.3rem;font-weight:600;line-height:1.3;overflow-wrap:normal}
        .found{max-width:95ch;padding:0;list-style:none}
        .found li{border-left:4px solid #d55e00;background:var(--panel);padding:.4rem .8rem;margin:.4rem 0;border-radius:0 6px 6px 0}
        .scroll{overflow:auto;max-width:100%}.tall{content-visibility:auto;contain-intrinsic-size:auto 24rem}
        figure{margin:0;min-width:0}
        figcaption{font-weight:600;font-size:.92rem;margin:.2rem 0}
        .maps{display:flex;flex-wrap:wrap;gap:.4rem 1rem;margin:.4rem 0}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,500px),1fr));gap:1.2rem 2rem}
        .charts .scroll svg{width:100%;min-width:440px;max-width:760px;height:auto}
        svg{display:block;font-size:11px}
        svg text{fill:var(--ink)}
        .b{font-weight:600;font-size:12px}.e{text-anchor:end}.m{text-anchor:middle}.q{font-size:10px}
        .grid,.zero,.l{fill:none}.grid{stroke:var(--line);stroke-width:.7}.zero{stroke:var(--soft)}
        .l{stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.r{stroke:none;opacity:.16}.lo{stroke:var(--ink);stroke-width:2.4}
        .legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;padding:0;margin:.4rem 0 .8rem;font-size:.9rem}
        .legend li{display:flex;align-items:center;gap:.45rem}.legend svg{flex:none}
        table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.88rem}
        th,td{padding:.22rem .6rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
        th:first-child,td:first-child{text-align:left}
        th{font-weight:600;background:var(--panel)}
        td.name{white-space:normal;min-width:11rem;max-width:34rem}
        @media(min-width:700px){#tensors td.name{min-width:22rem;position:sticky;left:0;background:var(--ground)}}
        .models td:nth-child(2){min-width:9rem}
        .bar{display:block;height:.5rem;border-radius:2px;background:var(--bar);min-width:1px}
        #tensors{font-size:.82rem}.tall{max-height:80vh;border:1px solid var(--line);border-radius:6px}
        #tensors thead{position:sticky;top:0;z-index:1}#tensors .group{text-align:center;border-left:1px solid var(--line)}
        th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
        th button:hover{text-decoration:underline}
        th[aria-sort=ascending] button::after{content:" ▲"}th[aria-sort=descending] button::after{content:" ▼"}
        pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.8rem;overflow:auto;font-size:.85rem}
        summary{cursor:pointer;font-weight:600}
        footer{margin-top:2.5rem;font-size:.85rem}

        """ + lines(light) + dashing + HeatScale.styles(dark: false)
        + "\n@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b3;--line:#333a43;--ground:#0f1216;--panel:#181c22;"
        + "--bar:#2f5f8a}" + lines(dark) + HeatScale.styles(dark: true) + "}\n"
        + "@page wide{size:A4 landscape}@media print{body{font-size:10pt}main{padding:0}.tall{page:wide}"
        + "#tensors th,#tensors td{padding:1pt 3pt}.scroll,.tall{overflow:visible;max-height:none;border:0}"
        + "figure,.facts li,.found li,tr{break-inside:avoid}h2,h3{break-after:avoid}#tensors{font-size:7pt}"
        + "#tensors thead,#tensors td.name{position:static;min-width:0}.charts .scroll svg{min-width:0}"
        + "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n"

    /// Sorts the table: a click on a column's heading, largest first, then least, texts from their beginning.
    static let script = """
        (function(){"use strict";
        var table=document.getElementById("tensors");if(!table)return;
        var body=table.tBodies[0],heads=table.tHead.rows[table.tHead.rows.length-1].cells;
        function value(row,column){var text=row.cells[column].textContent;
        if(column===0)return text;
        if(text.indexOf("\\u00d7")>0)return text.split("\\u00d7").reduce(function(a,b){return a*parseFloat(b)},1);
        var number=parseFloat(text);return isNaN(number)?null:number}
        Array.prototype.forEach.call(heads,function(head,column){
        var button=document.createElement("button");button.type="button";
        while(head.firstChild)button.appendChild(head.firstChild);
        head.appendChild(button);
        button.addEventListener("click",function(){
        var was=head.getAttribute("aria-sort"),up=was?was==="descending":column===0;
        Array.prototype.forEach.call(heads,function(other){other.removeAttribute("aria-sort")});
        head.setAttribute("aria-sort",up?"ascending":"descending");
        var rows=Array.prototype.map.call(body.rows,function(row){return{row:row,key:value(row,column)}});
        var compare=column===0?new Intl.Collator("en",{numeric:true}).compare:function(a,b){return a-b};
        rows.sort(function(a,b){
        if(a.key===null||b.key===null)return(a.key===null)-(b.key===null);
        return up?compare(a.key,b.key):compare(b.key,a.key)});
        var sorted=document.createDocumentFragment();
        rows.forEach(function(entry){sorted.appendChild(entry.row)});
        body.appendChild(sorted)})})})();
        """
}
